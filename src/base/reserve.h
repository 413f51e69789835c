#pragma once

#include <new>
#include <utility>

namespace sigway::base {

// Frees the process's reserve of memory, for what must not fail. Any thread.
void release_reserve() noexcept;
// Takes a new one, if there is memory for it. Any thread.
void restore_reserve() noexcept;

// Runs `step` again from the reserve if it runs out of memory: for what must not be lost, such as a
// place that is given back or a post to another shard. A step that throws std::bad_alloc leaves
// everything as it was. Throws std::bad_alloc if the reserve does not suffice. Any thread.
template <class Step>
void retry_from_reserve(Step&& step) {
  try {
    step();
  } catch (const std::bad_alloc&) {
    release_reserve();
    step();
    restore_reserve();
  }
}

// The same where nothing more can be done: false if the step has failed for good.
template <class Step>
bool try_from_reserve(Step&& step) noexcept {
  try {
    retry_from_reserve(std::forward<Step>(step));
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

}  // namespace sigway::base
