#include "y_webrtc/y_webrtc.h"

#include <optional>
#include <utility>

#include "dialects/frames.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "dialects/scope.h"

namespace sigway::dialects::y_webrtc {
namespace {

constexpr std::string_view kName = "y-webrtc";
// A page names all its documents in one message when it connects.
constexpr std::size_t kMaxMessage = 256U << 10U;
constexpr std::size_t kMaxPublished = 64U << 10U;
constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxTopic = 1024;  // bytes

// What the frames of an event are made of; `Said::type`. Nobody else sees these types: topics are
// the dialect's own.
constexpr std::string_view kPublish = "publish";  // y-webrtc: the object, less its last brace
constexpr std::string_view kRelay = "relay";      // Trystero: the whole frame
constexpr std::string_view kPong = "pong";

// -- What comes from a client

/// The fields of a message that the protocols know. Like JSON.parse, the last of a name counts.
struct Fields {
  JsonValue whole, type, topics, topic, data, payload;
};

std::variant<Fields, JsonFault> read_fields(std::string_view text) {
  Fields fields;
  JsonCursor cursor(text, kMaxDepth);
  if (!cursor.read_value(fields.whole) || !cursor.at_end()) return *cursor.fault();
  JsonCursor members(fields.whole.bytes);
  if (!members.begin_object()) return fields;
  for (JsonValue key, value; members.next_member(key) && members.read_value(value);) {
    if (is_key(key, "type")) {
      fields.type = value;
    } else if (is_key(key, "topics")) {
      fields.topics = value;
    } else if (is_key(key, "topic")) {
      fields.topic = value;
    } else if (is_key(key, "data")) {
      fields.data = value;
    } else if (is_key(key, "payload")) {
      fields.payload = value;
    }
  }
  return fields;
}

bool is_there(const JsonValue& value) noexcept { return !value.bytes.empty(); }

class Decoder {
 public:
  Decoder(const Fields& fields, std::vector<Message>& out) : fields_(fields), out_(out) {}

  /// What is no message of the protocols is ignored, as in the originals.
  void run() {
    const auto type = text_of(fields_.type);
    if (!type) return;
    if (*type == "subscribe") {
      for_each_topic([this](std::string topic) { add(Command(Subscribe{std::move(topic)})); });
    } else if (*type == "unsubscribe") {
      for_each_topic([this](std::string topic) { add(Command(Unsubscribe{std::move(topic)})); });
    } else if (*type == "publish") {
      publish();
    } else if (*type == "ping") {
      add(Command(Reply{.type = std::string(kPong)}));
    }
  }

 private:
  void add(std::variant<Command, Piece, Error> content) {
    out_.push_back({std::nullopt, std::move(content)});
  }

  /// Those of an array are y-webrtc's, a single one is Trystero's.
  template <typename Act>
  void for_each_topic(Act act) {
    if (is_there(fields_.topic)) return act_on(fields_.topic, act);
    if (!is_there(fields_.topics)) return;
    JsonCursor cursor(fields_.topics.bytes);
    if (!cursor.begin_array()) return;
    std::size_t count = 0;
    for (JsonValue value; cursor.next_element() && cursor.read_value(value);) {
      if (++count > plain::kMaxTopics) {
        return add(Error{.code = ErrorCode::bad_request,
                         .message = "A message may name " + std::to_string(plain::kMaxTopics) +
                                    " topics; the rest was left out."});
      }
      act_on(value, act);
    }
  }

  template <typename Act>
  void act_on(const JsonValue& value, Act act) {
    if (!is_string(value)) return;
    if (auto topic = topic_of(value)) act(*std::move(topic));
  }

  /// The topic as the bus knows it.
  std::optional<std::string> topic_of(const JsonValue& value) {
    const auto topic = unescape(value);
    if (topic && topic->size() <= kMaxTopic) return scoped(kName, *topic);
    add(Error{.code = ErrorCode::bad_request,
              .message = topic ? "A topic may have 1,024 bytes." : "A topic is not Unicode text."});
    return std::nullopt;
  }

  void publish() {
    const auto& topic = fields_.topic;
    if (!is_string(topic) || topic.bytes == R"("")") return;
    if (fields_.whole.bytes.size() > kMaxPublished) {
      return add(Error{.code = ErrorCode::too_large,
                       .message = "What is published may have 65,536 bytes.",
                       .limit = kMaxPublished});
    }
    auto name = topic_of(topic);
    if (!name) return;
    Publish message{.topic = *std::move(name), .type = std::string(kPublish)};
    if (is_there(fields_.payload) && !is_there(fields_.data)) {
      message.type = kRelay;
      JsonWriter json(message.data.bytes);
      json.raw("topic", topic.bytes).raw("payload", on_one_line(fields_.payload)).close();
    } else {
      // Passed on as it came; `encode` writes how many hear it into it.
      message.data.bytes = on_one_line(fields_.whole);
      message.data.bytes.pop_back();
    }
    message.data.kind = Payload::Kind::text;
    add(Command(std::move(message)));
  }

  const Fields& fields_;
  std::vector<Message>& out_;
};

Error not_json(const JsonFault& fault) {
  return {.code = ErrorCode::bad_json,
          .message = "A message is one JSON object. At byte " + std::to_string(fault.offset) +
                     ": " + std::string(fault.reason) + "."};
}

// -- What goes to a client

EncodedEvent encode_said(const event::Said& said) {
  if (said.type == kPong) return text_frame(R"({"type":"pong"})");
  if (said.type == kRelay) return text_frame(said.data.bytes);
  if (said.type != kPublish) return nullptr;
  // The last of a name counts: whatever the publisher wrote as `clients` is overridden.
  return text_frame(said.data.bytes + ",\"clients\":" + std::to_string(said.receivers) + "}");
}

EncodedEvent encode_refused(const Error& error) {
  std::string out;
  JsonWriter(out).text("type", "error").text("message", error.sentence()).close();
  return text_frame(std::move(out));
}

class YWebrtcDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return kName; }

  EncodedEvent encode(const Event& event) const override {
    if (const auto* said = std::get_if<event::Said>(&event)) return encode_said(*said);
    if (const auto* refused = std::get_if<event::Refused>(&event))
      return encode_refused(refused->error);
    return nullptr;
  }
};

class YWebrtcProtocol final : public plain::Protocol {
 public:
  const Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/y-webrtc"; }
  bool has_rooms() const noexcept override { return true; }
  std::string_view greeting() const noexcept override { return "okay"; }
  std::size_t max_message() const noexcept override { return kMaxMessage; }
  /// A page subscribes, and announces itself, once for each of its documents.
  bool is_paced() const noexcept override { return true; }

  /// Any path is the same, as in the original.
  std::variant<plain::Entrance, Error> entrance(std::string_view /*room*/,
                                                const plain::Parameters&) const override {
    return plain::Entrance{};
  }

  /// Binary frames are text as well: the original reads both.
  void decode(const plain::Entrance&, Payload frame, std::vector<Message>& out) const override {
    const auto read = read_fields(frame.bytes);
    if (const auto* fault = std::get_if<JsonFault>(&read)) {
      out.push_back({std::nullopt, not_json(*fault)});
    } else {
      Decoder(std::get<Fields>(read), out).run();
    }
  }

  void append_json(std::string& out, const Frame& frame) const override { out += frame.bytes; }

 private:
  YWebrtcDialect dialect_;
};

}  // namespace

const plain::Protocol& protocol() noexcept {
  static const YWebrtcProtocol kInstance;
  return kInstance;
}

}  // namespace sigway::dialects::y_webrtc
