#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

namespace sigway::session {

/// Bytes that outboxes, mailboxes, held gaps and pieces hold together, on all shards. Counting
/// only: who must give way is decided by `Hub::relieve`. Thread: any.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}

  void charge(std::size_t bytes) noexcept { used_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(std::size_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }
  std::size_t limit() const noexcept { return limit_; }
  bool exceeded() const noexcept { return used() > limit_; }

 private:
  std::size_t limit_;
  std::atomic<std::size_t> used_{0};
};

/// One holder's part of the budget; gives back what is left of it when it dies.
class MemoryShare {
 public:
  explicit MemoryShare(MemoryBudget& budget) : budget_(&budget) {}
  ~MemoryShare() { budget_->release(bytes_); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  void add(std::size_t bytes) noexcept {
    bytes_ += bytes;
    budget_->charge(bytes);
  }
  void subtract(std::size_t bytes) noexcept {
    bytes_ -= bytes;
    budget_->release(bytes);
  }
  std::size_t bytes() const noexcept { return bytes_; }
  const MemoryBudget& budget() const noexcept { return *budget_; }

 private:
  MemoryBudget* budget_;
  std::size_t bytes_ = 0;
};

}  // namespace sigway::session
