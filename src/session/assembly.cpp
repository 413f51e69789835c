#include "session/assembly.h"

#include <algorithm>

namespace sigway::session {

bool Assembly::add(const dialects::Piece& piece) {
  if (length_ == 0) length_ = piece.of;
  if (piece.of != length_) return false;
  for (std::size_t done = 0; done < piece.text.size();) {
    const auto place = piece.at + done;
    const auto [entry, is_new] = blocks_.try_emplace(place / kBlock);
    if (is_new) share_.add(kBlockCost);
    auto& block = entry->second;
    const auto from = place % kBlock;
    const auto count = std::min(kBlock - from, piece.text.size() - done);
    for (std::size_t i = 0; i < count; ++i) {
      if (block.here[from + i]) continue;
      block.text[from + i] = piece.text[done + i];
      block.here.set(from + i);
      ++held_;
    }
    done += count;
  }
  return true;
}

std::size_t Assembly::growth(const dialects::Piece& piece) const {
  if (piece.text.empty()) return 0;
  std::size_t absent = 0;
  const auto last = (piece.at + piece.text.size() - 1) / kBlock;
  for (auto number = piece.at / kBlock; number <= last; ++number)
    absent += blocks_.contains(number) ? 0 : 1;
  return absent * kBlockCost;
}

std::optional<std::string> Assembly::whole() const {
  if (held_ < length_) return std::nullopt;
  std::string text;
  text.reserve(length_ + kBlock);
  for (const auto& [number, block] : blocks_) text.append(block.text.data(), kBlock);
  text.resize(length_);
  return text;
}

}  // namespace sigway::session
