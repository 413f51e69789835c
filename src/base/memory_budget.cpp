#include "base/memory_budget.h"

#include <new>
#include <numeric>
#include <utility>

namespace sigway::base {
namespace {

constexpr std::size_t kKeptRows = 64;  // of addresses that hold nothing now

}  // namespace

std::string_view to_string(MemoryPart part) noexcept {
  switch (part) {
    case MemoryPart::outbox: return "outbox";
    case MemoryPart::inbox: return "inbox";
    case MemoryPart::mailbox: return "mailbox";
    case MemoryPart::input: return "input";
    case MemoryPart::output: return "output";
    case MemoryPart::file: return "file";
    case MemoryPart::topics: return "topics";
    case MemoryPart::registry: return "registry";
    case MemoryPart::transit: return "transit";
  }
  return "unknown";
}

std::size_t MemoryBudget::held() const noexcept {
  static_assert(static_cast<std::size_t>(MemoryPart::transit) + 1 == kMemoryParts);
  return std::accumulate(used_.begin(), used_.end() - 1, std::size_t{0},
                         [](std::size_t sum, const std::atomic<std::size_t>& part) {
                           return sum + part.load(std::memory_order_relaxed);
                         });
}

std::size_t MemoryBudget::used() const noexcept { return held() + used(MemoryPart::transit); }

MemoryHolder::~MemoryHolder() {
  if (const auto list = Lists::class_of(held_); list != Lists::kNone)
    ledger_->move(*this, list, Lists::kNone);
}

MemoryLedger::MemoryLedger(MemoryBudget& budget, std::function<void()> wake)
    : budget_(budget), wake_(std::move(wake)) {
  budget_.ledgers_.push_back(this);
}

MemoryLedger::~MemoryLedger() { std::erase(budget_.ledgers_, this); }

MemoryOwner& MemoryLedger::owner(AddressKey address) noexcept {
  if (!address) return unknown_;
  try {
    return owners_.try_emplace(address, address).first->second;
  } catch (const std::bad_alloc&) {
    return unknown_;
  }
}

void MemoryLedger::move(MemoryHolder& holder, unsigned from, unsigned to) noexcept {
  using Lists = MemoryHolder::Lists;
  if (from == Lists::kNone) holder.owner_ = &owner(holder.memory_owner());
  auto& owner = *holder.owner_;
  owner.holders_.move(holder, from, to);
  if (to == Lists::kNone) holder.owner_ = nullptr;

  const auto from_weight = MemoryOwner::Lists::class_of(owner.held_);
  owner.held_ = owner.held_ - Lists::least_of(from) + Lists::least_of(to);
  const auto to_weight = MemoryOwner::Lists::class_of(owner.held_);
  if (from_weight != to_weight) {
    by_weight_.move(owner, from_weight, to_weight);
    const auto* const heaviest = by_weight_.largest();
    rank_.store(by_weight_.end(), std::memory_order_relaxed);
    heaviest_.store(heaviest == nullptr ? 0 : heaviest->address_.value, std::memory_order_relaxed);
  }
  if (owner.held_ == 0 && &owner != &unknown_ && owners_.size() > kKeptRows)
    owners_.erase(owner.address_);
}

std::size_t MemoryLedger::weight_of_heaviest() const noexcept {
  const auto weight = [](unsigned rank) {
    return rank == 0 ? 0 : MemoryOwner::Lists::least_of(rank - 1);
  };
  auto sum = weight(rank());
  const auto address = heaviest();
  for (const auto* ledger : budget_.ledgers_) {
    if (ledger != this && address && ledger->heaviest() == address) sum += weight(ledger->rank());
  }
  return sum;
}

const MemoryLedger* MemoryLedger::heaviest_ledger() const noexcept {
  // This one, if another is no heavier: of equals each may act. An address that is spread over
  // several shards gives way where it holds the most.
  const auto order = [](const MemoryLedger& ledger) {
    return std::pair(ledger.weight_of_heaviest(), ledger.rank());
  };
  const auto* heaviest = this;
  auto most = order(*this);
  for (const auto* ledger : budget_.ledgers_) {
    if (const auto other = order(*ledger); other > most) {
      heaviest = ledger;
      most = other;
    }
  }
  return heaviest;
}

bool MemoryLedger::must_relieve() const noexcept {
  return budget_.exceeded() && rank() != 0 && heaviest_ledger() == this;
}

MemoryHolder* MemoryLedger::largest_holder() const noexcept {
  const auto* const heaviest = by_weight_.largest();
  return heaviest == nullptr ? nullptr : heaviest->holders_.largest();
}

bool MemoryLedger::relieve() {
  if (!budget_.exceeded()) return false;
  if (const auto* other = heaviest_ledger(); other != this) {
    other->wake_();
    return false;
  }
  auto* const holder = largest_holder();
  if (holder == nullptr) return false;
  holder->give_up_memory();
  // Only compared: it may be gone. One that gave nothing back is not asked again in this turn.
  return largest_holder() != holder;
}

}  // namespace sigway::base
