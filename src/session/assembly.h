#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/memory_budget.h"
#include "dialects/command.h"

namespace sigway::session {

/// The text of one message that comes in pieces (docs/protocol.md, "Pieces"). They may repeat,
/// overlap and overtake each other: whoever sends a message again may have cut it differently. The
/// text is kept in blocks, so that its memory is bounded by its length however small the pieces are
/// and whatever is missing between them. Thread: the session's shard.
class Assembly {
 public:
  explicit Assembly(base::MemoryHolder& holder) : share_(holder, base::MemoryPart::inbox) {}

  /// Adds what the piece has of the text that is not here yet. False: it speaks of a text of
  /// another length than the first piece did.
  bool add(const dialects::Piece& piece);

  /// By how much `cost` would grow.
  std::size_t growth(const dialects::Piece& piece) const;

  /// The whole text, once nothing is missing.
  std::optional<std::string> whole() const;

  /// What holding it costs, for budgets.
  std::size_t cost() const noexcept { return share_.bytes(); }

 private:
  static constexpr std::size_t kBlock = 512;
  struct Block {
    std::array<char, kBlock> text{};
    std::bitset<kBlock> here;  // which bytes of it have come
  };
  /// With what a node of the map costs beside it.
  static constexpr std::size_t kBlockCost = sizeof(Block) + 64;

  base::MemoryShare share_;
  std::size_t length_ = 0;               // of the text; 0 before the first piece
  std::size_t held_ = 0;                 // bytes of it that are here
  std::map<std::size_t, Block> blocks_;  // by number; absent where nothing has come
};

}  // namespace sigway::session
