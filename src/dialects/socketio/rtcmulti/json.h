#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dialects/json_scanner.h"

/// JSON values as RTCMultiConnection's JavaScript takes them. Thread: any.
namespace sigway::dialects::socketio::rtcmulti {

/// The value of proved JSON. Of an empty text: one without bytes, which stands for `undefined`.
JsonValue value_of(std::string_view json) noexcept;

/// What an id or a password is as text: a string's text, or a number's digits. None: it is neither,
/// or half a surrogate pair.
std::optional<std::string> as_text(const JsonValue& value);

/// What `if (value)` means.
bool is_truthy(const JsonValue& value) noexcept;

std::string quoted(std::string_view text);

/// Nothing but spaces, or nothing.
bool is_blank(std::string_view text) noexcept;

}  // namespace sigway::dialects::socketio::rtcmulti
