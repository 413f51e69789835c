#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/memory_budget.h"
#include "dialects/command.h"

namespace sigway::session {

/// The text of one message that comes in pieces (docs/protocol.md, "Pieces"). They may repeat,
/// overlap and overtake each other: whoever sends a message again may have cut it differently.
/// Thread: the session's shard.
class Assembly {
 public:
  explicit Assembly(base::MemoryHolder& holder) : share_(holder, base::MemoryPart::inbox) {}

  /// Adds what the piece has of the text that is not here yet. False: it speaks of a text of
  /// another length than the first piece did.
  bool add(const dialects::Piece& piece);

  /// The whole text, once nothing is missing.
  std::optional<std::string> whole() const;

  /// What holding it costs, for budgets.
  std::size_t cost() const noexcept { return share_.bytes(); }

 private:
  base::MemoryShare share_;
  std::size_t length_ = 0;                    // of the text; 0 before the first piece
  std::size_t held_ = 0;                      // bytes of it that are here
  std::map<std::size_t, std::string> parts_;  // by place, without overlaps
};

}  // namespace sigway::session
