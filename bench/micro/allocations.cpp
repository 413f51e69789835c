#include "allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace sigway::micro {
namespace {

std::atomic<std::uint64_t> count{0};

}  // namespace

std::uint64_t allocations() noexcept { return count.load(std::memory_order_relaxed); }

}  // namespace sigway::micro

// All other forms of operator new and delete call these. NOLINTBEGIN(cppcoreguidelines-no-malloc)
void* operator new(std::size_t size) {
  sigway::micro::count.fetch_add(1, std::memory_order_relaxed);
  if (void* const block = std::malloc(size > 0 ? size : 1)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
// NOLINTEND(cppcoreguidelines-no-malloc)
