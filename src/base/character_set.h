#pragma once

#include <array>
#include <cstddef>
#include <string_view>

// Sets of bytes, and what a text has of them. Thread: any.
namespace sigway::base {

// Indexed by the byte as unsigned.
using CharacterSet = std::array<bool, 256>;

// The letters and digits of ASCII, and those of `more`.
constexpr CharacterSet alphanumeric_and(std::string_view more) noexcept {
  CharacterSet set{};
  for (std::size_t c = 0; c < set.size(); ++c)
    set[c] = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  for (const char c : more) set[static_cast<unsigned char>(c)] = true;
  return set;
}

// How many bytes at the start of `text` are in that set.
constexpr std::size_t prefix_of(const CharacterSet& set, std::string_view text) noexcept {
  std::size_t size = 0;
  while (size < text.size() && set[static_cast<unsigned char>(text[size])]) ++size;
  return size;
}

constexpr bool consists_of(const CharacterSet& set, std::string_view text) noexcept {
  return prefix_of(set, text) == text.size();
}

}  // namespace sigway::base
