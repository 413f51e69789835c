#pragma once

#include <array>
#include <cstddef>

#include "base/character_set.h"

// Of which bytes the parts of a head consist. Thread: any.
namespace sigway::http {

using base::CharacterSet;
using base::prefix_of;

// A token: a method, the name of a field (RFC 9110 section 5.6.2).
inline constexpr CharacterSet kTokenCharacters = base::alphanumeric_and("!#$%&'*+-.^_`|~");

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

}  // namespace sigway::http
