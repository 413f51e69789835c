#pragma once

#include <cstddef>
#include <vector>

#include "base/address_key.h"
#include "dialects/event.h"

namespace sigway::bus {

struct MailboxTotals;

/// What one member of a room has said while nobody else was there, for whoever comes in next.
/// Counted as mail: in the memory budget, and in what the member's address may have in all
/// mailboxes. Thread: the room's home.
class Kept {
 public:
  static constexpr std::size_t kMostMessages = 1024;

  /// `totals` outlives this.
  Kept(MailboxTotals& totals, base::AddressKey address, std::size_t most_bytes);
  /// Gives back what was counted.
  ~Kept();
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  /// False: there is no room for it, and nothing has changed.
  bool add(dialects::event::Said said);

  /// In the order in which they were said.
  const std::vector<dialects::event::Said>& messages() const noexcept { return messages_; }

 private:
  MailboxTotals& totals_;
  const base::AddressKey address_;
  const std::size_t most_bytes_;
  std::vector<dialects::event::Said> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace sigway::bus
