#include "session/assembly.h"

#include <algorithm>
#include <string_view>

namespace sigway::session {
namespace {

/// Of a map's node with a string: many small pieces cost more than their bytes.
constexpr std::size_t kNodeCost = 80;

}  // namespace

bool Assembly::add(const dialects::Piece& piece) {
  if (length_ == 0) length_ = piece.of;
  if (piece.of != length_) return false;
  const std::string_view text = piece.text;
  const auto end = piece.at + text.size();
  auto place = piece.at;
  auto next = parts_.upper_bound(place);
  if (next != parts_.begin()) {
    const auto& [before, part] = *std::prev(next);
    place = std::max(place, before + part.size());
  }
  while (place < end) {
    const auto hole_end = next == parts_.end() ? end : std::min(end, next->first);
    if (hole_end > place) {
      parts_.emplace_hint(next, place, text.substr(place - piece.at, hole_end - place));
      held_ += hole_end - place;
      share_.add(hole_end - place + kNodeCost);
    }
    if (next == parts_.end()) break;
    place = next->first + next->second.size();
    ++next;
  }
  return true;
}

std::optional<std::string> Assembly::whole() const {
  if (held_ < length_) return std::nullopt;
  std::string text;
  text.reserve(length_);
  for (const auto& [place, part] : parts_) text += part;
  return text;
}

}  // namespace sigway::session
