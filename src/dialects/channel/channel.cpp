#include "channel/channel.h"

#include <optional>
#include <string>
#include <utility>

#include "dialects/frames.h"
#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "dialects/scope.h"

namespace sigway::dialects::channel {
namespace {

constexpr std::string_view kName = "channel";
constexpr std::size_t kMaxMessage = 65536;
constexpr std::size_t kMaxDepth = 128;

class ChannelDialect final : public Dialect {
 public:
  std::string_view name() const noexcept override { return kName; }

  EncodedEvent encode(const Event& event) const override {
    if (const auto* said = std::get_if<event::Said>(&event)) return text_frame(said->data.bytes);
    if (const auto* seen = std::get_if<event::Seen>(&event)) {
      std::string out;
      JsonWriter(out).boolean("isChannelPresent", seen->members != 0).close();
      return text_frame(std::move(out));
    }
    const auto* const refused = std::get_if<event::Refused>(&event);
    if (refused == nullptr) return nullptr;
    switch (refused->error.code) {
      // A page that speaks before anybody hears it, or opens its channel again, does so on purpose.
      case ErrorCode::nobody_there:
      case ErrorCode::already_joined: return nullptr;
      default: return text_frame(to_json(refused->error));
    }
  }
};

/// The fields of a message that the protocol knows. Like JSON.parse, the last of a name counts.
struct Fields {
  JsonValue open, check_presence, channel, data;
};

bool is_true(const JsonValue& value) noexcept { return value.bytes == "true"; }

std::variant<Fields, Error> read_fields(std::string_view text) {
  JsonCursor cursor(text, kMaxDepth);
  Fields fields;
  if (!cursor.begin_object())
    return Error{.code = ErrorCode::bad_json, .message = "A message is one JSON object."};
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    const auto name = unescape(key).value_or("");
    if (name == "open") fields.open = value;
    if (name == "checkPresence") fields.check_presence = value;
    if (name == "channel") fields.channel = value;
    if (name == "data") fields.data = value;
  }
  if (cursor.at_end()) return fields;
  return Error{.code = ErrorCode::bad_json,
               .message = "A message is one JSON object. At byte " +
                          std::to_string(cursor.fault()->offset) + ": " +
                          std::string(cursor.fault()->reason) + "."};
}

/// The channel as a room of the bus.
std::optional<std::string> room_of(const JsonValue& channel) {
  if (channel.bytes.empty()) return std::nullopt;
  std::optional<std::string> name;
  if (channel.kind == JsonValue::Kind::string) name = unescape(channel);
  if (channel.kind == JsonValue::Kind::number) name = std::string(channel.bytes);
  if (!name || !valid_room(*name)) return std::nullopt;
  return scoped(kName, *name);
}

std::variant<Command, Error> command_of(std::string_view message) {
  const auto read = read_fields(message);
  if (const auto* error = std::get_if<Error>(&read)) return *error;
  const auto& fields = std::get<Fields>(read);
  auto room = room_of(fields.channel);
  if (!room) {
    return Error{.code = ErrorCode::bad_room,
                 .message = "A message names a channel, of 1 to 128 bytes."};
  }
  if (is_true(fields.check_presence)) return Look{*std::move(room)};
  if (is_true(fields.open))
    return Join{.room = *std::move(room), .capacity = Join::kLargest, .quiet = true};
  if (fields.data.bytes.empty()) {
    return Error{.code = ErrorCode::bad_request,
                 .message = "A message has `open`, `checkPresence` or `data`."};
  }
  Say say{.type = "message", .room = std::move(room)};
  say.data = {Payload::Kind::json, on_one_line(fields.data)};
  return say;
}

class ChannelProtocol final : public plain::Protocol {
 public:
  const Dialect& dialect() const noexcept override { return dialect_; }
  std::string_view path() const noexcept override { return "/channel"; }
  std::size_t max_message() const noexcept override { return kMaxMessage; }

  std::variant<plain::Entrance, Error> entrance(
      std::string_view /*room*/, const plain::Parameters& /*parameters*/) const override {
    return plain::Entrance{};
  }

  void decode(const plain::Entrance& /*entrance*/, Payload frame,
              std::vector<Message>& out) const override {
    auto& content = out.emplace_back().content;
    if (frame.kind == Payload::Kind::binary) {
      content = Error{.code = ErrorCode::bad_json, .message = "A message is one JSON object."};
      return;
    }
    auto command = command_of(frame.bytes);
    if (auto* error = std::get_if<Error>(&command)) {
      content = std::move(*error);
    } else {
      content = std::move(std::get<Command>(command));
    }
  }

  void append_json(std::string& out, const Frame& frame) const override { out += frame.bytes; }

 private:
  ChannelDialect dialect_;
};

}  // namespace

const plain::Protocol& protocol() noexcept {
  static const ChannelProtocol kInstance;
  return kInstance;
}

}  // namespace sigway::dialects::channel
