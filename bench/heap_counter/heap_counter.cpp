// Keeps count of the bytes on the heap, in a file that another process reads while this one runs.
//
//   LD_PRELOAD=bench_heap_counter.so SIGWAY_HEAP_COUNT=FILE program
//
// FILE gets one 64-bit number: the bytes of all blocks that are allocated, with glibc's 8 bytes of
// administration each. Unlike resident memory it does not depend on pages and on chance.
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

// glibc's own allocator, below the names that this library takes over.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

namespace {

constexpr std::size_t kAdministration = 8;

std::atomic<std::uint64_t> own_count{0};  // until the file is there
std::atomic<std::atomic<std::uint64_t>*> count{&own_count};

std::uint64_t size_of(void* block) {
  return block == nullptr ? 0 : malloc_usable_size(block) + kAdministration;
}
void* counted(void* block) {
  count.load(std::memory_order_relaxed)->fetch_add(size_of(block), std::memory_order_relaxed);
  return block;
}
void forget(std::uint64_t size) {
  count.load(std::memory_order_relaxed)->fetch_sub(size, std::memory_order_relaxed);
}

__attribute__((constructor)) void open_file() {
  const char* const name = std::getenv("SIGWAY_HEAP_COUNT");  // NOLINT(concurrency-mt-unsafe)
  if (name == nullptr) return;
  const int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ftruncate(file, sizeof own_count) != 0) std::abort();
  void* const memory = mmap(nullptr, sizeof own_count, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) std::abort();
  close(file);
  auto* const shared = static_cast<std::atomic<std::uint64_t>*>(memory);
  shared->store(own_count.load());
  count.store(shared);
}

}  // namespace

extern "C" {

void* malloc(std::size_t size) { return counted(__libc_malloc(size)); }
void* calloc(std::size_t number, std::size_t size) { return counted(__libc_calloc(number, size)); }
void free(void* block) {
  forget(size_of(block));
  __libc_free(block);
}
void* realloc(void* block, std::size_t size) {
  const auto before = size_of(block);
  void* const result = __libc_realloc(block, size);
  if (result == nullptr && size > 0) return nullptr;  // the old block stays
  forget(before);
  return counted(result);
}
void* memalign(std::size_t alignment, std::size_t size) {
  return counted(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  void* const result = memalign(alignment, size);
  if (result == nullptr) return ENOMEM;
  *block = result;
  return 0;
}
}
