#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sigway::base {

/// The first `most` bytes of a UTF-8 text at the most, without a character that would be cut.
constexpr std::string_view beginning_of(std::string_view text, std::size_t most) noexcept {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0U) == 0x80) --most;
  return text.substr(0, most);
}

/// The same, and an ellipsis where something was left out.
inline std::string shortened(std::string_view text, std::size_t most) {
  std::string out(beginning_of(text, most));
  if (out.size() < text.size()) out += "…";
  return out;
}

}  // namespace sigway::base
