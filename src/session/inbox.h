#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/memory_budget.h"
#include "dialects/command.h"
#include "dialects/dialect.h"
#include "session/settings.h"

namespace sigway::session {

/// One message whose turn has come: its number (for results, `re`) and what it asks, or why it is
/// refused.
struct Taken {
  std::uint64_t re = 0;
  std::variant<dialects::Command, dialects::Error> content;
  std::size_t counted = 0;  ///< bytes for which it is counted while it waits
};

/// Puts a client's numbered messages into order: each number once, small gaps held, large ones
/// refused, pieces joined. One without a number takes the next; a numbered one that comes for that
/// number later is no repeat, and is refused. A will takes no number: it acts at once, or not at
/// all if the message behind it has come before. Thread: the session's shard.
class Inbox {
 public:
  Inbox(base::MemoryHolder& holder, const Settings& settings, const dialects::Dialect& dialect);
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  /// Offers messages in any order; appends to `taken` those whose turn has come. A message too far
  /// ahead, or with a number that one without a number has got (of the latest 64), stops there and
  /// returns `number_gap` with the number expected; what came before it has been taken.
  std::optional<dialects::Error> offer(std::vector<dialects::Message> messages,
                                       std::vector<Taken>& taken);

  /// Forgets all that is held: the session has ended.
  void clear() noexcept;

  /// All messages up to this number have been taken.
  std::uint64_t up() const noexcept { return up_; }

 private:
  struct Held;  // what is beyond a gap, and messages of which pieces are missing: absent for most
                // sessions at most times

  void take(dialects::Message message, std::vector<Taken>& taken);
  /// Whether a message that had no number of its own has got that one.
  bool is_given_away(std::uint64_t n) const noexcept;
  /// Whether the message of that number has come.
  bool has(std::uint64_t n) const;
  /// Whether the message may wait for the numbers before `n`.
  bool may_hold(std::uint64_t n, const dialects::Message& message) const;
  /// What holding the message adds to what is held.
  std::size_t growth(std::uint64_t n, const dialects::Message& message) const;
  /// The message, if this was its last missing piece; else false.
  bool complete(std::uint64_t n, dialects::Message& message);
  Held& held();
  void drop_held_if_empty();

  base::MemoryHolder& holder_;
  const Settings& settings_;
  const dialects::Dialect& dialect_;
  std::uint64_t up_ = 0;
  std::uint64_t unnumbered_ = 0;  // bit i: the message that took `up_ - i` had no number
  std::unique_ptr<Held> held_;
};

}  // namespace sigway::session
