#include "libdatachannel/libdatachannel.h"

#include <optional>
#include <utility>

#include "base/keyed_hash.h"
#include "dialects/frames.h"
#include "dialects/grammar.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::libdatachannel {
namespace {

constexpr std::size_t kMaxMessage = 64U << 10U;
constexpr std::size_t kMaxDepth = 64;

/// What is neither a description nor a candidate: its fields but for `id`.
constexpr std::string_view kMessage = "message";

// -- What comes from a client

struct Fields {
  JsonValue id, type, description, candidate, mid;
  std::size_t count = 0;
  std::string rest;  ///< an object of all but `id`
};

/// None: it is no JSON object.
std::optional<Fields> read_fields(std::string_view text) {
  Fields fields;
  JsonCursor cursor(text, kMaxDepth);
  if (!cursor.begin_object()) return std::nullopt;
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    if (is_key(key, "id")) {
      fields.id = value;  // like JSON.parse, the last of a name counts
      continue;
    }
    if (is_key(key, "type")) {
      fields.type = value;
    } else if (is_key(key, "description")) {
      fields.description = value;
    } else if (is_key(key, "candidate")) {
      fields.candidate = value;
    } else if (is_key(key, "mid")) {
      fields.mid = value;
    }
    ++fields.count;
    fields.rest.append(fields.rest.empty() ? "{" : ",").append(key.bytes) += ':';
    fields.rest += on_one_line(value);
  }
  if (!cursor.at_end()) return std::nullopt;
  fields.rest += fields.rest.empty() ? "{}" : "}";
  return fields;
}

/// In the words that all dialects share, if it is nothing but a description or a candidate.
std::optional<Say> translate(const Fields& fields) {
  const auto type = text_of(fields.type);
  std::string json;
  if ((type == "offer" || type == "answer") && fields.count == 2 && is_string(fields.description)) {
    JsonWriter(json).text("type", *type).raw("sdp", fields.description.bytes).close();
  } else if (type == "candidate" && fields.count == 3 && is_string(fields.candidate) &&
             is_string(fields.mid)) {
    JsonWriter(json)
        .raw("candidate", fields.candidate.bytes)
        .raw("sdpMid", fields.mid.bytes)
        .close();
  } else {
    return std::nullopt;
  }
  return Say{.type = *type, .data = {Payload::Kind::json, std::move(json)}};
}

Error bad_message(std::string message) {
  return {.code = ErrorCode::bad_request, .message = std::move(message)};
}

void decode_text(std::string_view text, std::vector<Message>& out) {
  const auto add = [&out](std::variant<Command, Piece, Error> content) {
    out.push_back({std::nullopt, std::move(content)});
  };
  const auto fields = read_fields(text);
  if (!fields) return add(bad_message("A message is one JSON object."));
  if (!is_string(fields->id))
    return add(bad_message("A message needs `id`, a string: the id of the client that it is for."));
  const auto name = unescape(fields->id);
  if (!name || !valid_name(*name)) return;  // nobody can have that id
  auto translated = translate(*fields);
  const bool is_call = translated && translated->type != "candidate";
  auto say = translated
                 ? *std::move(translated)
                 : Say{.type = std::string(kMessage), .data = {Payload::Kind::json, fields->rest}};
  say.to = {{Address::Kind::name, *name}};
  if (is_call) {
    // The other one hears of it when this client goes.
    add(Command(Will{*name, Say{.type = "bye", .to = say.to, .store = false}}));
  }
  add(Command(std::move(say)));
}

// -- What goes to a client

/// `{"id":FROM` and what follows. Without a name there is nobody to answer to.
class Writer {
 public:
  explicit Writer(const std::string& from) : json_(out_) { json_.optional_text("id", from); }
  JsonWriter& json() noexcept { return json_; }
  std::string close() {
    json_.close();
    return std::move(out_);
  }

 private:
  std::string out_;
  JsonWriter json_;
};

EncodedEvent description(const event::Said& said, std::string_view data) {
  const auto sdp = member(data, "sdp");
  if (!sdp || !is_string(*sdp)) return nullptr;  // a client of the examples ends at that
  Writer writer(said.name);
  writer.json().text("type", said.type).raw("description", sdp->bytes);
  return text_frame(writer.close());
}

/// As the examples need it: with a candidate and the id of its media section.
std::optional<std::string> candidate(const std::string& from, std::string_view data) {
  const auto text = member(data, "candidate");
  if (!text || !is_string(*text) || text->bytes == R"("")") return std::nullopt;
  Writer writer(from);
  writer.json().text("type", "candidate").raw("candidate", text->bytes);
  const auto mid = member(data, "sdpMid");
  const auto line = member(data, "sdpMLineIndex");
  if (mid && is_string(*mid)) {
    writer.json().raw("mid", mid->bytes);
  } else {
    const bool is_line = line && line->kind == JsonValue::Kind::number;
    writer.json().text("mid", is_line ? line->bytes : "0");
  }
  return writer.close();
}

EncodedEvent candidates(const event::Said& said, std::string_view data) {
  std::vector<std::string> frames;
  const auto add = [&](std::string_view json) {
    if (auto frame = candidate(said.name, json)) frames.push_back(*std::move(frame));
  };
  JsonCursor cursor(data);
  if (cursor.begin_array()) {
    for (JsonValue value;
         frames.size() < kMostCandidates && cursor.next_element() && cursor.read_value(value);)
      add(value.bytes);
  } else {
    add(data);
  }
  return text_frames(std::move(frames));
}

/// The other one has gone: this client's last words to it would come into its next call.
EncodedEvent bye(const std::string& from) {
  Writer writer(from);
  writer.json().text("type", "bye");
  return std::make_shared<const Frame>(
      Frame{.bytes = writer.close(), .voids_will_to = from.empty() ? 0 : base::keyed_hash(from)});
}

EncodedEvent encode_said(const event::Said& said) {
  if (said.type == "bye") return bye(said.name);
  std::string data;
  append_json(data, said.data);
  if (said.type == "offer" || said.type == "answer") return description(said, data);
  if (said.type == "candidate") return candidates(said, data);
  Writer writer(said.name);
  JsonCursor cursor(data);
  if (said.type == kMessage && cursor.begin_object()) {
    for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);)
      if (!is_key(key, "id")) writer.json().raw_key(key.bytes).out() += value.bytes;
  } else {
    writer.json().text("type", said.type);
    if (said.data.kind != Payload::Kind::none) writer.json().raw("data", data);
  }
  return text_frame(writer.close());
}

EncodedEvent encode_refused(const Error& error) {
  if (error.code == ErrorCode::nobody_there) return nullptr;  // the original is silent, too
  if (error.code == ErrorCode::name_taken) return nullptr;    // the close says so
  std::string out;
  JsonWriter(out).text("type", "error").text("message", error.sentence()).close();
  return text_frame(std::move(out));
}

class LibdatachannelDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return "libdatachannel"; }

  EncodedEvent encode(const Event& event) const override {
    if (const auto* said = std::get_if<event::Said>(&event)) return encode_said(*said);
    if (const auto* refused = std::get_if<event::Refused>(&event))
      return encode_refused(refused->error);
    return nullptr;
  }
};

class LibdatachannelProtocol final : public plain::Protocol {
 public:
  const Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/libdatachannel"; }
  bool has_rooms() const noexcept override { return true; }
  std::size_t max_message() const noexcept override { return kMaxMessage; }

  /// The id is the first segment of the path, as in the original.
  std::variant<plain::Entrance, Error> entrance(std::string_view room,
                                                const plain::Parameters&) const override {
    const auto id = room.substr(0, room.find('/'));
    if (!valid_name(id)) {
      return Error{.code = ErrorCode::bad_name,
                   .message = "The path names no id that a client can have.",
                   .hint =
                       "Connect to /libdatachannel/ID; an id has 1 to 64 characters, and does "
                       "not begin with @."};
    }
    return plain::Entrance{.name = std::string(id)};
  }

  /// Binary frames are ignored, as in the original.
  void decode(const plain::Entrance&, Payload frame, std::vector<Message>& out) const override {
    if (frame.kind == Payload::Kind::text) decode_text(frame.bytes, out);
  }

  void append_json(std::string& out, const Frame& frame) const override { out += frame.bytes; }

 private:
  LibdatachannelDialect dialect_;
};

}  // namespace

const plain::Protocol& protocol() noexcept {
  static const LibdatachannelProtocol kInstance;
  return kInstance;
}

}  // namespace sigway::dialects::libdatachannel
