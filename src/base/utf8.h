#pragma once

#include <cstddef>
#include <string_view>

/// UTF-8 (RFC 3629) of bytes that nobody has checked. Thread: any.
namespace sigway::base {

/// Length in bytes (1 to 4) of the UTF-8 sequence at the start of `text`, or 0 if there is none:
/// overlong forms, surrogates, values above U+10FFFF and cut sequences are not UTF-8 (RFC 3629 §4).
constexpr std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto in = [](unsigned char b, unsigned char low, unsigned char high) {
    return b >= low && b <= high;
  };
  const auto tail = [&](std::size_t i) { return in(byte(i), 0x80, 0xBF); };
  if (text.empty()) return 0;
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (in(lead, 0xC2, 0xDF)) return text.size() >= 2 && tail(1) ? 2 : 0;
  if (in(lead, 0xE0, 0xEF)) {
    if (text.size() < 3 || !tail(2)) return 0;
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;   // below: overlong
    const unsigned char high = lead == 0xED ? 0x9F : 0xBF;  // above: surrogates
    return in(byte(1), low, high) ? 3 : 0;
  }
  if (in(lead, 0xF0, 0xF4)) {
    if (text.size() < 4 || !tail(2) || !tail(3)) return 0;
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;   // below: overlong
    const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;  // above: beyond U+10FFFF
    return in(byte(1), low, high) ? 4 : 0;
  }
  return 0;
}

/// How many bytes at the start of `text` are ASCII.
std::size_t ascii_prefix(std::string_view text) noexcept;

/// Whether all of it is UTF-8. ASCII is passed over in words of the machine.
bool is_utf8(std::string_view text) noexcept;

}  // namespace sigway::base
