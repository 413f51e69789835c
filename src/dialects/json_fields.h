#pragma once

#include <array>
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

/// One field of an object that is looked for. Like JSON.parse, the last of a name counts.
struct Field {
  std::string_view name;
  JsonValue value = {};

  bool is_there() const noexcept { return !value.bytes.empty(); }
  bool is_string() const noexcept { return dialects::is_string(value); }
  bool is(std::string_view text) const { return text_of(value) == text; }
};

/// Fills `fields` from a proved object and says whether it has others.
template <std::size_t Count>
bool read_fields(std::string_view object, std::array<Field, Count>& fields) {
  bool has_others = false;
  JsonCursor cursor(object, kMaxJsonDepth);
  cursor.begin_object();
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    bool is_known = false;
    for (auto& field : fields) {
      if (!is_key(key, field.name)) continue;
      field.value = value;
      is_known = true;
    }
    has_others = has_others || !is_known;
  }
  return has_others;
}

}  // namespace sigway::dialects
