#include "raw/raw.h"

#include <optional>
#include <utility>

#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::raw {
namespace {

constexpr std::string_view kRoom = "raw";         // where the address names none
constexpr std::string_view kMessage = "message";  // the type that other dialects see
constexpr std::size_t kMaxMessage = 65536;

/// What another dialect's client has said, as text: its words if it said only words, else one JSON
/// object.
std::string foreign_text(const event::Said& said) {
  if (said.type == kMessage && said.data.kind == Payload::Kind::json) {
    JsonCursor cursor(said.data.bytes);
    JsonValue value;
    if (cursor.read_value(value) && value.kind == JsonValue::Kind::string) {
      if (auto text = unescape(value)) return *std::move(text);
    }
    return said.data.bytes;
  }
  std::string out;
  JsonWriter json(out);
  json.text("type", said.type).text("from", said.from).optional_text("name", said.name);
  if (said.data.kind != Payload::Kind::none) append_json(json.key("data").out(), said.data);
  json.close();
  return out;
}

EncodedEvent frame(std::string bytes, Frame::Kind kind) {
  return std::make_shared<const Frame>(Frame{std::move(bytes), kind});
}

class RawDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return "raw"; }

  EncodedEvent encode(const Event& event) const override {
    const auto* const said = std::get_if<event::Said>(&event);
    if (said == nullptr) return nullptr;
    if (said->type == kMessage && said->data.kind == Payload::Kind::text)
      return frame(said->data.bytes, Frame::Kind::text);
    if (said->type == kMessage && said->data.kind == Payload::Kind::binary)
      return frame(said->data.bytes, Frame::Kind::binary);
    return frame(foreign_text(*said), Frame::Kind::text);
  }
};

class RawProtocol final : public plain::Protocol {
 public:
  const Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/raw"; }
  bool has_rooms() const noexcept override { return true; }
  std::size_t max_message() const noexcept override { return kMaxMessage; }
  bool takes_guests() const noexcept override { return true; }

  std::variant<plain::Entrance, Error> entrance(
      std::string_view room, const plain::Parameters& parameters) const override {
    if (room.empty()) room = kRoom;
    if (!valid_room(room)) return Error{.code = ErrorCode::bad_room};
    plain::Entrance entrance{.room = std::string(room), .capacity = Join::kLargest, .echo = true};
    for (const auto& [name, value] : parameters) {
      if (name != "echo") continue;
      if (value != "0" && value != "1") {
        return Error{.code = ErrorCode::bad_request,
                     .message = "The parameter `echo` is neither 0 nor 1.",
                     .hint = "echo=0 leaves you out of what you say; echo=1 is the usual."};
      }
      entrance.echo = value == "1";
    }
    return entrance;
  }

  void decode(const plain::Entrance& entrance, Payload frame,
              std::vector<Message>& out) const override {
    out.push_back({std::nullopt, Command(Say{.type = std::string(kMessage),
                                             .data = std::move(frame),
                                             .echo = entrance.echo})});
  }

  void append_json(std::string& out, const Frame& frame) const override {
    const auto kind =
        frame.kind == Frame::Kind::binary ? Payload::Kind::binary : Payload::Kind::text;
    dialects::append_json(out, {kind, frame.bytes});
  }

 private:
  RawDialect dialect_;
};

}  // namespace

const plain::Protocol& protocol() noexcept {
  static const RawProtocol kInstance;
  return kInstance;
}

}  // namespace sigway::dialects::raw
