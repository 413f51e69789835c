#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "dialects/json_scanner.h"

/// Reading the fields of an object whose other fields do not matter. For codecs.
namespace sigway::dialects {

/// Whether a member's name, which may be escaped, is `name`.
inline bool is_key(const JsonValue& key, std::string_view name) {
  if (!key.escaped) return key.bytes.substr(1, key.bytes.size() - 2) == name;
  return unescape(key) == name;
}

inline bool is_string(const JsonValue& value) noexcept {
  return !value.bytes.empty() && value.kind == JsonValue::Kind::string;
}

/// The text of a value that may be missing; none: it is no text.
inline std::optional<std::string> text_of(const JsonValue& value) {
  return is_string(value) ? unescape(value) : std::nullopt;
}

/// The member of that name, the last one as with JSON.parse. None: there is none, or `json` is not
/// one object.
inline std::optional<JsonValue> member(std::string_view json, std::string_view name,
                                       std::size_t max_depth = kMaxJsonDepth) {
  std::optional<JsonValue> found;
  JsonCursor cursor(json, max_depth);
  if (!cursor.begin_object()) return std::nullopt;
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    if (is_key(key, name)) found = value;
  }
  return cursor.at_end() ? found : std::nullopt;
}

}  // namespace sigway::dialects
