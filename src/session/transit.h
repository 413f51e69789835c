#pragma once

#include <atomic>
#include <cstddef>
#include <memory>

#include "base/memory_budget.h"
#include "session/send_status.h"

namespace sigway::session {

/// What one session has said that is on its way from shard to shard: in no outbox and no mailbox
/// yet, while a shard is busy with something else. Counted in the memory budget, and bounded like
/// the session's share of an outbox. Thread: any. Lifetime: shared by the session and its parcels.
class Transit : public std::enable_shared_from_this<Transit> {
 public:
  Transit(base::MemoryBudget& budget, std::size_t limit) : budget_(budget), limit_(limit) {}

  /// Whether a message of so many bytes may set out, or why not. One always may, so far as it is
  /// for this session alone to say.
  SendStatus may_set_out(std::size_t bytes) const noexcept {
    const auto held = bytes_.load(std::memory_order_relaxed);
    return held == 0 || held + bytes <= limit_ ? may_go_on(bytes) : SendStatus::busy;
  }
  /// The same for a message that has set out, from its room or name to those who are to hear it.
  /// All together fill a quarter of the budget, and small ones an eighth more. Whether the budget
  /// itself is exceeded is for the outboxes to say: they know who would have to give way.
  SendStatus may_go_on(std::size_t bytes) const noexcept {
    const auto most = budget_.limit() / 4;
    const bool is_small = bytes_.load(std::memory_order_relaxed) + bytes <= kSmall;
    const auto together = budget_.used(base::MemoryPart::transit) + bytes;
    return together <= (is_small ? most + most / 2 : most) ? SendStatus::sent
                                                           : SendStatus::overloaded;
  }

 private:
  friend class Parcel;

  void add(std::size_t bytes) noexcept {
    bytes_.fetch_add(bytes, std::memory_order_relaxed);
    budget_.charge(base::MemoryPart::transit, bytes);
  }
  void subtract(std::size_t bytes) noexcept {
    bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    budget_.release(base::MemoryPart::transit, bytes);
  }

  static constexpr std::size_t kSmall = 16U << 10U;

  base::MemoryBudget& budget_;
  const std::size_t limit_;
  std::atomic<std::size_t> bytes_{0};
};

/// Bytes that are on their way: counted until the last of them have arrived. A copy counts again.
/// Thread: its holder's.
class Parcel {
 public:
  Parcel() = default;
  /// No `transit`: it is not counted, because it leaves no shard.
  Parcel(Transit* transit, std::size_t bytes) : bytes_(bytes) {
    if (transit == nullptr) return;
    transit_ = transit->shared_from_this();
    transit_->add(bytes_);
  }
  ~Parcel() {
    if (transit_) transit_->subtract(bytes_);
  }
  Parcel(const Parcel& other) : Parcel(other.transit(), other.bytes_) {}
  Parcel(Parcel&&) noexcept = default;
  Parcel& operator=(const Parcel&) = delete;
  Parcel& operator=(Parcel&&) = delete;

  Transit* transit() const noexcept { return transit_.get(); }

 private:
  std::shared_ptr<Transit> transit_;
  std::size_t bytes_ = 0;
};

}  // namespace sigway::session
