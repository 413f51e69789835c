#include "socketio_rtcmulti/json.h"

#include <charconv>

#include "dialects/json_writer.h"

namespace sigway::dialects::socketio::rtcmulti {

JsonValue value_of(std::string_view json) noexcept {
  JsonValue value;
  if (!json.empty()) JsonCursor(json).read_value(value);
  return value;
}

std::optional<std::string> as_text(const JsonValue& value) {
  if (value.bytes.empty()) return std::nullopt;
  if (value.kind == JsonValue::Kind::string) return unescape(value);
  if (value.kind == JsonValue::Kind::number) return std::string(value.bytes);
  return std::nullopt;
}

bool is_truthy(const JsonValue& value) noexcept {
  if (value.bytes.empty()) return false;
  switch (value.kind) {
    case JsonValue::Kind::null: return false;
    case JsonValue::Kind::boolean: return value.bytes == "true";
    case JsonValue::Kind::string: return value.bytes.size() > 2;
    case JsonValue::Kind::number: {
      double number = 1;  // what it stays if it is too small or too large for a double
      std::from_chars(value.bytes.data(), value.bytes.data() + value.bytes.size(), number);
      return number != 0;
    }
    default: return true;
  }
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(' ') == std::string_view::npos;
}

}  // namespace sigway::dialects::socketio::rtcmulti
