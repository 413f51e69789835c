#include "socketio/text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/utf8.h"

namespace sigway::dialects::socketio {
namespace {

// How many of the next bytes, in steps of eight, are ASCII: nearly all of a session description.
std::size_t ascii_run(std::string_view text) noexcept {
  constexpr std::uint64_t kHighs = 0x8080808080808080;
  std::size_t length = 0;
  for (std::uint64_t word = 0; text.size() - length >= sizeof word; length += sizeof word) {
    std::memcpy(&word, text.data() + length, sizeof word);
    if ((word & kHighs) != 0) break;
  }
  return length;
}

std::size_t units_of(std::size_t utf8_bytes) noexcept { return utf8_bytes == 4 ? 2 : 1; }

}  // namespace

std::size_t utf8_prefix(std::string_view text) noexcept {
  std::size_t at = ascii_run(text);
  while (at < text.size()) {
    const std::size_t length = base::utf8_length(text.substr(at));
    if (length == 0) break;
    at += length;
    if (length > 1) at += ascii_run(text.substr(at));
  }
  return at;
}

std::size_t utf16_length(std::string_view utf8) noexcept {
  std::size_t units = ascii_run(utf8);
  for (std::size_t at = units; at < utf8.size();) {
    const auto byte = static_cast<unsigned char>(utf8[at++]);
    // Every byte that is no continuation begins a character; F0 and above begin a pair.
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
    if (byte < 0x80) continue;
    const std::size_t run = ascii_run(utf8.substr(at));
    units += run;
    at += run;
  }
  return units;
}

Utf16Prefix utf16_prefix(std::string_view text, std::size_t units) noexcept {
  std::size_t at = ascii_run(text.substr(0, units));
  units -= at;
  while (units > 0) {
    const std::size_t length = base::utf8_length(text.substr(at));
    if (length == 0 || units_of(length) > units) return {at, false};
    at += length;
    units -= units_of(length);
  }
  return {at, true};
}

std::optional<std::string> decode_twice(std::string_view utf8) {
  if (is_ascii(utf8)) return std::nullopt;
  std::string out;
  out.reserve(utf8.size());
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x80) {
      out += utf8[i];
      continue;
    }
    // U+0080 to U+00FF are the sequences that begin with C2 and C3.
    if (byte > 0xC3 || base::utf8_length(utf8.substr(i)) != 2) return std::nullopt;
    const auto low = static_cast<unsigned char>(utf8[++i]) & 0x3F;
    out += static_cast<char>(((byte & 0x03) << 6) | low);
  }
  if (utf8_prefix(out) != out.size()) return std::nullopt;
  return out;
}

bool looks_double_encoded(std::string_view utf8) { return decode_twice(utf8).has_value(); }

bool is_ascii(std::string_view text) noexcept {
  text.remove_prefix(ascii_run(text));
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & '\x80') == 0; });
}

void append_ascii_json(std::string& out, std::string_view json) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto escape = [&](unsigned unit) {
    out += "\\u";
    for (const unsigned shift : {12U, 8U, 4U, 0U}) out += kDigits[(unit >> shift) & 0xFU];
  };
  while (!json.empty()) {
    const auto lead = static_cast<unsigned char>(json[0]);
    const auto length = std::max<std::size_t>(base::utf8_length(json), 1);
    if (length == 1) {
      out += json[0];
    } else {
      // The lead byte has 5, 4 or 3 bits of the character, each other one six.
      unsigned character = lead & (0xFFU >> (length + 1));
      for (std::size_t i = 1; i < length; ++i)
        character = (character << 6U) | (static_cast<unsigned char>(json[i]) & 0x3FU);
      if (character < 0x10000) {
        escape(character);
      } else {
        character -= 0x10000;
        escape(0xD800 + (character >> 10U));
        escape(0xDC00 + (character & 0x3FFU));
      }
    }
    json.remove_prefix(length);
  }
}

}  // namespace sigway::dialects::socketio
