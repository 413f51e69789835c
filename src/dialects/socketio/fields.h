#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "dialects/json_key.h"
#include "dialects/json_scanner.h"

/// For applications: some fields of an object. Thread: any.
namespace sigway::dialects::socketio {

/// One field of an object that is looked for. Like JSON.parse, the last of a name counts.
struct Field {
  std::string_view name;
  JsonValue value = {};
  bool is_there() const noexcept { return !value.bytes.empty(); }
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

}  // namespace sigway::dialects::socketio
