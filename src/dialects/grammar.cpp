#include "dialects/grammar.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/utf8.h"

namespace sigway::dialects {
namespace {

// Indexed by the byte as unsigned. A table: this runs for each character of each request's key.
constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> set{};
  for (std::size_t c = 0; c < set.size(); ++c)
    set[c] = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  set['-'] = set['_'] = true;
  return set;
}();

// Characters of a text, or nothing if it is not UTF-8 or has control characters (Unicode's category
// Cc).
std::optional<std::size_t> printable_length(std::string_view text) noexcept {
  std::size_t characters = 0;
  while (!text.empty()) {
    const std::size_t length = base::utf8_length(text);
    const auto lead = static_cast<unsigned char>(text[0]);
    if (length == 0 || lead < 0x20 || lead == 0x7F) return std::nullopt;
    if (lead == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0)
      return std::nullopt;  // U+0080 to U+009F
    text.remove_prefix(length);
    ++characters;
  }
  return characters;
}

}  // namespace

bool is_token(std::string_view text, std::size_t least, std::size_t most) noexcept {
  return text.size() >= least && text.size() <= most &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return kTokenCharacters[static_cast<unsigned char>(c)]; });
}

bool valid_key(std::string_view key) noexcept { return is_token(key, 22, 128); }

bool valid_room(std::string_view room) noexcept {
  return !room.empty() && room.size() <= 128 && printable_length(room).has_value();
}

bool valid_name(std::string_view name) noexcept {
  constexpr std::size_t kMaxCharacters = 64;
  if (name.empty() || name.size() > 4 * kMaxCharacters || name.front() == '@') return false;
  const auto characters = printable_length(name);
  return characters && *characters <= kMaxCharacters;
}

}  // namespace sigway::dialects
