#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Characters as JavaScript counts them, and the double UTF-8 of Socket.IO 1.x. Thread: any.
namespace sigway::dialects::socketio {

/// Bytes of `text` before the first that is not UTF-8; `text.size()` if all of it is.
std::size_t utf8_prefix(std::string_view text) noexcept;

/// UTF-16 code units of a UTF-8 text: 1 a character, 2 beyond U+FFFF (JavaScript's `length`).
std::size_t utf16_length(std::string_view utf8) noexcept;

/// What the first so many UTF-16 code units of `text` are in bytes. `complete` is false if the text
/// ends before, is not UTF-8 before, or the count ends between the halves of a surrogate pair; then
/// `bytes` is the place.
struct Utf16Prefix {
  std::size_t bytes = 0;
  bool complete = false;
};
Utf16Prefix utf16_prefix(std::string_view text, std::size_t units) noexcept;

/// Socket.IO 1.x (EIO 3) encodes the text packets of polling payloads as UTF-8 twice: `é` travels
/// as c3 83 c2 a9 instead of c3 a9. Nothing else tells these clients from 2.x, so this is a guess:
/// all characters are at most U+00FF, some are not ASCII, and as bytes they are UTF-8 again. A text
/// of a 2.x client that really says `Ã©` is taken for one. WebSocket frames and XHR2's binary
/// payloads are never encoded twice.
bool looks_double_encoded(std::string_view utf8);
/// The text with one of its two encodings undone; nothing if it does not look double encoded.
std::optional<std::string> decode_twice(std::string_view utf8);

bool is_ascii(std::string_view text) noexcept;

/// Appends JSON in ASCII, which is the same whether it is encoded once or twice: each character
/// beyond it becomes `\uXXXX`. `json` may have ASCII before and behind the JSON; it is UTF-8.
void append_ascii_json(std::string& out, std::string_view json);

}  // namespace sigway::dialects::socketio
