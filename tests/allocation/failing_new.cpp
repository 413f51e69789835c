#include "allocation/failing_new.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace sigway::testing {
namespace {

std::atomic<bool> is_armed{false};
std::atomic<std::uint64_t> counted{0};
std::atomic<std::uint64_t> failing{0};
thread_local bool is_spared = false;

bool must_fail() noexcept {
  if (!is_armed.load(std::memory_order_relaxed) || is_spared) return false;
  return counted.fetch_add(1, std::memory_order_relaxed) + 1 ==
         failing.load(std::memory_order_relaxed);
}

// Without a name of its own in the call stack of each failure, a debugger has nowhere to stop.
[[gnu::noinline]] void fail() { throw std::bad_alloc(); }

void* allocate(std::size_t size) {
  if (must_fail()) fail();
  void* const memory = std::malloc(size != 0 ? size : 1);  // NOLINT
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* allocate(std::size_t size, std::align_val_t alignment) {
  if (must_fail()) fail();
  const auto align = static_cast<std::size_t>(alignment);
  void* const memory = std::aligned_alloc(align, (size + align - 1) / align * align);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void spare_this_thread() noexcept { is_spared = true; }

void arm(std::uint64_t number) noexcept {
  failing = number;
  counted = 0;
  is_armed = true;
}

Counted disarm() noexcept {
  is_armed = false;
  return {counted, failing != 0 && counted >= failing};
}

}  // namespace sigway::testing

namespace testing = sigway::testing;

// NOLINTBEGIN(misc-new-delete-overloads)
void* operator new(std::size_t size) { return testing::allocate(size); }
void* operator new[](std::size_t size) { return testing::allocate(size); }
void* operator new(std::size_t size, std::align_val_t align) {
  return testing::allocate(size, align);
}
void* operator new[](std::size_t size, std::align_val_t align) {
  return testing::allocate(size, align);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return testing::must_fail() ? nullptr : std::malloc(size != 0 ? size : 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return testing::must_fail() ? nullptr : std::malloc(size != 0 ? size : 1);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// NOLINTEND(misc-new-delete-overloads)
