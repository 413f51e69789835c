#pragma once

#include <cstdint>

/// This program's operator new throws std::bad_alloc at one allocation. Only the threads of the
/// server count: a thread that has called `spare_this_thread` never sees a failure.
namespace sigway::testing {

void spare_this_thread() noexcept;

/// From now on allocations are counted, and number `number`, from 1 on, fails. 0: none fails.
void arm(std::uint64_t number) noexcept;

struct Counted {
  std::uint64_t allocations = 0;
  bool failed = false;
};
/// Ends the counting.
Counted disarm() noexcept;

}  // namespace sigway::testing
