#include "base/reserve.h"

#include <atomic>
#include <cstdlib>

namespace sigway::base {
namespace {

// Below the size from which malloc asks the system: what is freed stays with this process.
constexpr std::size_t kReserveBytes = 64 * 1024;

std::atomic<void*>& reserve() noexcept {
  static std::atomic<void*> block{std::malloc(kReserveBytes)};  // NOLINT: not by operator new
  return block;
}

// Taken at the start of the program, before memory can be short.
[[maybe_unused]] const bool kIsTaken = reserve().load() != nullptr;

}  // namespace

void release_reserve() noexcept { std::free(reserve().exchange(nullptr)); }  // NOLINT

void restore_reserve() noexcept {
  void* const block = std::malloc(kReserveBytes);  // NOLINT
  void* expected = nullptr;
  if (!reserve().compare_exchange_strong(expected, block)) std::free(block);  // NOLINT
}

}  // namespace sigway::base
