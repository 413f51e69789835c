#include "base/memory_budget.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace sigway::base {

std::string_view to_string(MemoryPart part) noexcept {
  switch (part) {
    case MemoryPart::outbox: return "outbox";
    case MemoryPart::inbox: return "inbox";
    case MemoryPart::mailbox: return "mailbox";
    case MemoryPart::input: return "input";
    case MemoryPart::output: return "output";
    case MemoryPart::file: return "file";
  }
  return "unknown";
}

std::size_t MemoryBudget::used() const noexcept {
  return std::accumulate(used_.begin(), used_.end(), std::size_t{0},
                         [](std::size_t sum, const std::atomic<std::size_t>& part) {
                           return sum + part.load(std::memory_order_relaxed);
                         });
}

MemoryHolder::~MemoryHolder() {
  if (const auto list = MemoryLedger::class_of(held_); list != MemoryLedger::kNoClass)
    ledger_->move(*this, list, MemoryLedger::kNoClass);
}

MemoryLedger::MemoryLedger(MemoryBudget& budget, std::function<void()> wake)
    : budget_(budget), wake_(std::move(wake)) {
  budget_.ledgers_.push_back(this);
}

MemoryLedger::~MemoryLedger() { std::erase(budget_.ledgers_, this); }

unsigned MemoryLedger::class_of(std::size_t bytes) noexcept {
  if ((bytes >> kFirstBits) == 0) return kNoClass;
  const auto power = static_cast<unsigned>(std::bit_width(bytes)) - 1;
  const auto quarter = static_cast<unsigned>(bytes >> (power - 2)) & 3U;
  return std::min((power - kFirstBits) * 4 + quarter, kClasses - 1);
}

void MemoryLedger::unlink(MemoryHolder& holder, unsigned from) noexcept {
  (holder.previous_ != nullptr ? holder.previous_->next_ : classes_[from]) = holder.next_;
  if (holder.next_ != nullptr) holder.next_->previous_ = holder.previous_;
  holder.previous_ = holder.next_ = nullptr;
}

void MemoryLedger::move(MemoryHolder& holder, unsigned from, unsigned to) noexcept {
  if (from != kNoClass) unlink(holder, from);
  if (to != kNoClass) {
    holder.next_ = classes_[to];
    if (holder.next_ != nullptr) holder.next_->previous_ = &holder;
    classes_[to] = &holder;
  }
  auto top = largest();
  if (to != kNoClass) top = std::max(top, to + 1);
  while (top != 0 && classes_[top - 1] == nullptr) --top;
  largest_.store(top, std::memory_order_relaxed);
}

const MemoryLedger* MemoryLedger::ledger_of_largest() const noexcept {
  // This one, if another is no larger: of equals each may act.
  const auto* of_largest = this;
  for (const auto* ledger : budget_.ledgers_) {
    if (ledger->largest() > of_largest->largest()) of_largest = ledger;
  }
  return of_largest;
}

bool MemoryLedger::must_relieve() const noexcept {
  return budget_.exceeded() && largest() != 0 && ledger_of_largest() == this;
}

bool MemoryLedger::relieve() {
  if (!budget_.exceeded()) return false;
  if (const auto* other = ledger_of_largest(); other != this) {
    other->wake_();
    return false;
  }
  const auto list = largest();
  if (list == 0) return false;
  const auto* const holder = classes_[list - 1];
  classes_[list - 1]->give_up_memory();
  // Only compared: it may be gone. One that gave nothing back is not asked again in this turn.
  return classes_[list - 1] != holder;
}

}  // namespace sigway::base
