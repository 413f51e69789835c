#include "apprtc/collider.h"

#include <optional>

#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::apprtc {
namespace {

constexpr std::string_view kMessageHead = R"({"msg":)";
constexpr std::string_view kMessageTail = R"(,"error":""})"
                                          "\n";

std::string unreadable(std::string_view why) {
  return "websocket.JSON.Receive error: " + std::string(why);
}

/// As Go writes it: safe inside of HTML.
void append_safe_string(std::string& out, std::string_view text) {
  std::string json;
  append_json_string(json, text);
  out.reserve(out.size() + json.size() + kMessageTail.size());
  for (const char c : json) {
    switch (c) {
      case '<': out += R"(\u003c)"; break;
      case '>': out += R"(\u003e)"; break;
      case '&': out += R"(\u0026)"; break;
      default: out += c;
    }
  }
}

std::string name_of(const JsonValue& key) {
  if (key.escaped) return unescape(key).value_or("");
  return std::string(key.bytes.substr(1, key.bytes.size() - 2));
}

}  // namespace

std::variant<ClientMessage, std::string> decode_message(std::string_view frame) {
  ClientMessage message;
  std::string command;
  std::optional<std::string> wrong;
  JsonCursor cursor(frame);
  const bool is_object = cursor.begin_object();
  for (JsonValue key, value; is_object && cursor.next_member(key) && cursor.read_value(value);) {
    const auto name = name_of(key);
    std::string* const field = name == "cmd"        ? &command
                               : name == "roomid"   ? &message.room
                               : name == "clientid" ? &message.client
                               : name == "msg"      ? &message.text
                                                    : nullptr;
    if (field == nullptr || value.kind == JsonValue::Kind::null) continue;
    if (value.kind == JsonValue::Kind::string) {
      *field = unescape_replacing(value);  // as Go does
    } else {
      wrong = "'" + name + "' is not a text";
    }
  }
  if (!is_object) {
    JsonValue other;
    cursor.read_value(other);
  }
  if (!cursor.at_end()) {
    const auto& fault = *cursor.fault();
    return unreadable("not JSON at byte " + std::to_string(fault.offset) + ": " +
                      std::string(fault.reason));
  }
  if (!is_object) return unreadable("not a JSON object");
  if (wrong) return unreadable(*wrong);
  if (command == "register") message.command = ClientMessage::Command::enroll;
  if (command == "send") message.command = ClientMessage::Command::send;
  return message;
}

std::string server_message(std::string_view text) {
  std::string out(kMessageHead);
  append_safe_string(out, text);
  return out.append(kMessageTail);
}

std::string server_error(std::string_view text) {
  std::string out = R"({"msg":"","error":)";
  append_safe_string(out, text);
  return out += "}\n";
}

std::string_view quoted_text_of(std::string_view message) noexcept {
  message.remove_prefix(kMessageHead.size());
  message.remove_suffix(kMessageTail.size());
  return message;
}

std::string to_json(const Status& status) {
  std::string out;
  JsonWriter(out)
      .number("upsec", status.seconds_up)
      .number("openws", status.open_sockets)
      .number("totalws", status.total_sockets)
      .number("wserrors", status.socket_errors)
      .number("httperrors", status.http_errors)
      .close();
  return out += '\n';
}

}  // namespace sigway::dialects::apprtc
