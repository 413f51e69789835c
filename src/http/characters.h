#pragma once

#include <array>
#include <cstddef>
#include <string_view>

// Of which bytes the parts of a head consist. Thread: any.
namespace sigway::http {

// Indexed by the byte as unsigned.
using CharacterSet = std::array<bool, 256>;

// A token: a method, the name of a field (RFC 9110 section 5.6.2).
inline constexpr CharacterSet kTokenCharacters = [] {
  CharacterSet set{};
  for (std::size_t c = 0; c < set.size(); ++c)
    set[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    set[static_cast<unsigned char>(c)] = true;
  return set;
}();

// The value of a field: all but control characters, the tab excepted (RFC 9110 section 5.5).
inline constexpr CharacterSet kFieldCharacters = [] {
  CharacterSet set{};
  for (std::size_t c = 0; c < set.size(); ++c) set[c] = (c >= 0x20 && c != 0x7F) || c == '\t';
  return set;
}();

// The lower case of a byte: of ASCII letters another one, of all others their own.
inline constexpr std::array<char, 256> kLowerCase = [] {
  std::array<char, 256> lower{};
  for (std::size_t c = 0; c < lower.size(); ++c)
    lower[c] = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}();

// How many bytes at the start of `text` are of that set.
constexpr std::size_t prefix_of(const CharacterSet& set, std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && set[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

}  // namespace sigway::http
