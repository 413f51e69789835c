#pragma once

#include <cstddef>

#include "base/memory_budget.h"

namespace sigway::testing {

/// A memory budget with one ledger and one holder that is asked for nothing.
struct Account {
  explicit Account(std::size_t limit) : budget(limit) {}

  struct Holder final : base::MemoryHolder {
    using MemoryHolder::MemoryHolder;
    void give_up_memory() override {}
    base::AddressKey memory_owner() const noexcept override { return {1}; }
  };
  base::MemoryBudget budget;
  base::MemoryLedger ledger{budget, [] {}};
  Holder holder{ledger};
};

}  // namespace sigway::testing
