#pragma once

#include <string_view>

#include "dialects/json_scanner.h"

/// Private to the decoders.
namespace sigway::dialects::socketio {

/// Whether a member's name, which may be escaped, is `name`.
inline bool is_key(const JsonValue& key, std::string_view name) {
  if (!key.escaped) return key.bytes.substr(1, key.bytes.size() - 2) == name;
  return unescape(key) == name;
}

}  // namespace sigway::dialects::socketio
