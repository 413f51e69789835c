#include "dialects/grammar.h"

#include <algorithm>
#include <optional>

#include "base/character_set.h"
#include "base/utf8.h"

namespace sigway::dialects {
namespace {

constexpr base::CharacterSet kTokenCharacters = base::alphanumeric_and("-_");

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
  return text.size() >= least && text.size() <= most && base::consists_of(kTokenCharacters, text);
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
