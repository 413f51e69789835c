#include "client/json.h"

namespace sigway::client {
namespace {

void escape(std::string& into, unsigned unit) {
  into += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) into += "0123456789abcdef"[unit >> shift & 0xFU];
}

}  // namespace

std::string in_ascii(std::string_view json) {
  std::string result;
  result.reserve(json.size() * 3 / 2);
  for (std::size_t at = 0; at < json.size();) {
    const auto byte = static_cast<unsigned char>(json[at++]);
    if (byte < 0x80) {
      result += static_cast<char>(byte);
      continue;
    }
    unsigned more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    unsigned point = byte & (0x3FU >> more);
    for (; more > 0 && at < json.size(); --more)
      point = point << 6U | (static_cast<unsigned char>(json[at++]) & 0x3FU);
    if (point < 0x10000) {
      escape(result, point);
    } else {
      escape(result, 0xD800 + ((point - 0x10000) >> 10U));
      escape(result, 0xDC00 + ((point - 0x10000) & 0x3FFU));
    }
  }
  return result;
}

}  // namespace sigway::client
