#include "login/login.h"

#include <optional>
#include <utility>

#include "base/keyed_hash.h"
#include "dialects/frames.h"
#include "dialects/grammar.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::login {
namespace {

constexpr std::size_t kMaxMessage = 64U << 10U;
constexpr std::size_t kMaxDepth = 64;

// -- What comes from a client

/// The fields of a message that the protocol knows. Like JSON.parse, the last of a name counts.
struct Fields {
  JsonValue type, name, offer, answer, candidate;
  bool has_type = false;
};

/// Text that is no JSON object counts as one without fields, as in the original.
Fields read_fields(std::string_view text) {
  Fields fields;
  JsonCursor cursor(text, kMaxDepth);
  if (!cursor.begin_object()) return {};
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    if (is_key(key, "type")) {
      fields.type = value;
      fields.has_type = true;
    } else if (is_key(key, "name")) {
      fields.name = value;
    } else if (is_key(key, "offer")) {
      fields.offer = value;
    } else if (is_key(key, "answer")) {
      fields.answer = value;
    } else if (is_key(key, "candidate")) {
      fields.candidate = value;
    }
  }
  return cursor.at_end() ? fields : Fields{};
}

/// The type as the original would write it into a sentence.
std::string shown_type(const Fields& fields) {
  constexpr std::size_t kMost = 256;
  if (!fields.has_type) return "undefined";
  auto shown = text_of(fields.type).value_or(std::string(fields.type.bytes));
  if (shown.size() > kMost) shown.resize(kMost);  // the writer mends a cut character
  return shown;
}

Payload payload_of(const JsonValue& value) {
  if (value.bytes.empty()) return {};
  return {Payload::Kind::json, on_one_line(value)};
}

/// One candidate, also if it is an array: native clients take an array for several.
Payload candidate_of(const JsonValue& value) {
  auto payload = payload_of(value);
  if (value.kind == JsonValue::Kind::array) payload.bytes = '[' + payload.bytes + ']';
  return payload;
}

Say to_name(std::string type, const std::string& name, Payload data) {
  return {.type = std::move(type), .to = {{Address::Kind::name, name}}, .data = std::move(data)};
}

Say bye_to(const std::string& name) {
  auto bye = to_name("bye", name, {});
  bye.store = false;  // whoever comes later has no call to end
  return bye;
}

class Decoder {
 public:
  Decoder(const Fields& fields, std::vector<Message>& out) : fields_(fields), out_(out) {}

  void run() {
    const auto type = text_of(fields_.type);
    if (!fields_.has_type || !type) return unknown();
    if (*type == "login") return login();
    const auto name = text_of(fields_.name);
    // Nobody can have such a name, so nobody is there to hear it.
    const bool is_possible = name && valid_name(*name);
    if (*type == "offer" || *type == "answer") {
      const auto& description = *type == "offer" ? fields_.offer : fields_.answer;
      if (description.bytes.empty()) return missing(*type);
      if (is_possible) call(*type, *name, description);
    } else if (*type == "candidate") {
      if (fields_.candidate.bytes.empty()) return missing(*type);
      if (is_possible) add(to_name("candidate", *name, candidate_of(fields_.candidate)));
    } else if (*type == "leave") {
      if (!is_possible) return;
      add(Will{*name, std::nullopt});
      add(bye_to(*name));
    } else {
      unknown();
    }
  }

 private:
  void add(Command command) { out_.push_back({std::nullopt, std::move(command)}); }
  void add(Error error) { out_.push_back({std::nullopt, std::move(error)}); }

  void login() {
    auto name = text_of(fields_.name);
    if (!name || !valid_name(*name)) return add(Error{.code = ErrorCode::bad_name});
    add(Command(Login{*std::move(name)}));
  }
  /// The other one hears of it when this client goes.
  void call(const std::string& type, const std::string& name, const JsonValue& description) {
    add(Will{name, bye_to(name)});
    add(Command(to_name(type, name, payload_of(description))));
  }
  void missing(const std::string& field) {
    add(Error{.code = ErrorCode::bad_request,
              .message = "The field `" + field + "` is missing in a message of that type."});
  }
  void unknown() {
    add(Error{.code = ErrorCode::bad_type, .message = "Command not found: " + shown_type(fields_)});
  }

  const Fields& fields_;
  std::vector<Message>& out_;
};

// -- What goes to a client

std::string said(std::string_view type, FieldName field, std::string_view json_data,
                 std::string_view name) {
  std::string out;
  out.reserve(64 + json_data.size() + name.size());
  JsonWriter(out).text("type", type).raw(field, json_data).optional_text("name", name).close();
  return out;
}

/// The other one has gone: this client's last words to it would come into its next call.
EncodedEvent leave(const std::string& name) {
  std::string out;
  JsonWriter(out).text("type", "leave").optional_text("name", name).close();
  return std::make_shared<const Frame>(
      Frame{.bytes = std::move(out), .voids_will_to = name.empty() ? 0 : base::keyed_hash(name)});
}

/// Native clients may send several candidates at once; here each one is a message. What is beyond
/// `kMostCandidates` is left out.
EncodedEvent candidates(const Payload& data, const std::string& name) {
  std::string json;
  append_json(json, data);
  std::vector<std::string> frames;
  JsonCursor cursor(json);
  if (cursor.begin_array()) {
    for (JsonValue value;
         frames.size() < kMostCandidates && cursor.next_element() && cursor.read_value(value);)
      frames.push_back(said("candidate", "candidate", value.bytes, name));
  } else {
    frames.push_back(said("candidate", "candidate", json, name));
  }
  return text_frames(std::move(frames));
}

EncodedEvent encode_said(const event::Said& event) {
  if (event.type == "bye") return leave(event.name);
  if (event.type == "candidate") return candidates(event.data, event.name);
  std::string json;
  append_json(json, event.data);
  if (event.type == "offer") return text_frame(said("offer", "offer", json, event.name));
  if (event.type == "answer") return text_frame(said("answer", "answer", json, event.name));
  return text_frame(said(event.type, "data", json, event.name));
}

EncodedEvent encode_refused(const Error& error) {
  std::string out;
  JsonWriter json(out);
  if (error.code == ErrorCode::name_taken || error.code == ErrorCode::bad_name) {
    json.text("type", "login").boolean("success", false);
  } else if (error.code == ErrorCode::nobody_there) {
    return nullptr;  // the original is silent, too
  } else {
    json.text("type", "error").text("message", error.sentence());
  }
  json.close();
  return text_frame(std::move(out));
}

class LoginDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return "login"; }
  /// A page makes its peer connection when it hears that it is logged in, and takes no offer
  /// before.
  bool takes_mail_before_answer() const noexcept override { return false; }

  EncodedEvent encode(const Event& event) const override {
    if (const auto* said = std::get_if<event::Said>(&event)) return encode_said(*said);
    if (const auto* refused = std::get_if<event::Refused>(&event))
      return encode_refused(refused->error);
    if (std::holds_alternative<event::LoggedIn>(event))
      return text_frame(R"({"type":"login","success":true})");
    if (const auto* lost = std::get_if<event::NameLost>(&event)) {
      return text_frame(R"({"type":"error","message":)" +
                        quoted("Somebody else has taken the name " + lost->name + ".") + "}");
    }
    return nullptr;
  }

 private:
  static std::string quoted(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  }
};

class LoginProtocol final : public plain::Protocol {
 public:
  const Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/login"; }
  std::size_t max_message() const noexcept override { return kMaxMessage; }

  std::variant<plain::Entrance, Error> entrance(std::string_view /*room*/,
                                                const plain::Parameters&) const override {
    return plain::Entrance{};
  }

  void decode(const plain::Entrance&, Payload frame, std::vector<Message>& out) const override {
    const bool is_text = frame.kind == Payload::Kind::text;
    const auto fields = is_text ? read_fields(frame.bytes) : Fields{};
    Decoder(fields, out).run();
  }

  void append_json(std::string& out, const Frame& frame) const override { out += frame.bytes; }

 private:
  LoginDialect dialect_;
};

}  // namespace

const plain::Protocol& protocol() noexcept {
  static const LoginProtocol kInstance;
  return kInstance;
}

}  // namespace sigway::dialects::login
