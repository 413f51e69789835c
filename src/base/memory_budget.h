#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address_key.h"
#include "base/size_lists.h"

// What the process holds for its clients, in bytes: counted by part, bounded as a whole, and taken
// back from the client address that holds the most when the bound is exceeded
// (docs/decisions/memory-is-one-account.md).
namespace sigway::base {

// What bytes are held for; the label of the metric `sigway_memory_bytes`.
enum class MemoryPart : std::uint8_t {
  outbox,    // events that a client has not acknowledged
  inbox,     // messages beyond a gap, pieces, commands that wait for the bus
  mailbox,   // letters for names that nobody holds
  input,     // partial frames, heads and bodies; bytes that wait for their connection's turn
  output,    // queued for a socket
  file,      // files of --web-root that are being sent
  topics,    // that a client has subscribed to
  registry,  // what a dialect keeps of its clients beside their sessions
  transit,   // messages on their way from shard to shard; the last
};
inline constexpr std::size_t kMemoryParts = 9;
std::string_view to_string(MemoryPart part) noexcept;

class MemoryHolder;
class MemoryLedger;

// The account of the whole process. Thread: any; counting takes no lock.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) : limit_(limit) {}
  ~MemoryBudget() = default;
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  void charge(MemoryPart part, std::size_t bytes) noexcept {
    used_[static_cast<std::size_t>(part)].fetch_add(bytes, std::memory_order_relaxed);
  }
  void release(MemoryPart part, std::size_t bytes) noexcept {
    used_[static_cast<std::size_t>(part)].fetch_sub(bytes, std::memory_order_relaxed);
  }
  std::size_t used(MemoryPart part) const noexcept {
    return used_[static_cast<std::size_t>(part)].load(std::memory_order_relaxed);
  }
  std::size_t used() const noexcept;
  std::size_t limit() const noexcept { return limit_; }
  // From here on no new work is taken, and the heaviest addresses give way. What is in transit does
  // not count: nobody could give it back, and it will be counted where it arrives. Else a message
  // on its way would hide that the outbox it goes to is what exceeds the budget.
  bool exceeded() const noexcept { return held() > limit_; }
  // The reserve for small things between the moment of exceeding and the relief is used up, too.
  bool exhausted() const noexcept { return held() > limit_ + limit_ / 8; }

 private:
  friend class MemoryLedger;

  std::size_t held() const noexcept;  // all parts but transit

  const std::size_t limit_;
  std::array<std::atomic<std::size_t>, kMemoryParts> used_{};
  std::vector<MemoryLedger*> ledgers_;  // constant once the shards run
};

// How much a byte counts when the holder to end is looked for. What the client can send again
// without loss goes first: a partial body, messages beyond a gap. An outbox is what nobody can get
// again.
constexpr std::size_t weight(MemoryPart part) noexcept {
  return part == MemoryPart::input || part == MemoryPart::inbox ? 4 : 1;
}

// Up to 256 MiB: a holder of more is one of the largest anyhow.
using MemoryHolderLists = SizeLists<MemoryHolder, 68>;

// The holders of one address in one ledger.
class MemoryOwner {
 public:
  explicit MemoryOwner(AddressKey address) noexcept : address_(address) {}

 private:
  friend class MemoryLedger;
  using Lists = SizeLists<MemoryOwner, 128>;
  friend Lists;

  const AddressKey address_;
  MemoryHolderLists holders_;
  std::size_t held_ = 0;  // the sum of the least sizes of their classes
  MemoryOwner* previous_ = nullptr;
  MemoryOwner* next_ = nullptr;
};

// Somebody for whom bytes are held and who can be made to give them back: a session, a connection.
// Thread: its ledger's.
class MemoryHolder {
 public:
  explicit MemoryHolder(MemoryLedger& ledger) noexcept : ledger_(&ledger) {}
  virtual ~MemoryHolder();
  MemoryHolder(const MemoryHolder&) = delete;
  MemoryHolder& operator=(const MemoryHolder&) = delete;

  void charge(MemoryPart part, std::size_t bytes) noexcept;
  void release(MemoryPart part, std::size_t bytes) noexcept;
  // Weighted; zero if nothing is held.
  std::size_t burden() const noexcept { return held_; }
  const MemoryBudget& budget() const noexcept;

  // Ends this holder, which gives back all its bytes at once, or at the latest when it is destroyed
  // in this turn of the loop.
  virtual void give_up_memory() = 0;
  // Whose bytes these are: all holders of one address are weighed together. Asked when the holder
  // comes to hold 2 KiB.
  virtual AddressKey memory_owner() const noexcept = 0;

 private:
  friend class MemoryLedger;
  using Lists = MemoryHolderLists;
  friend Lists;

  MemoryLedger* ledger_;
  MemoryOwner* owner_ = nullptr;      // while it is in a list
  MemoryHolder* previous_ = nullptr;  // in the list of its size class
  MemoryHolder* next_ = nullptr;
  std::size_t held_ = 0;  // weighted
};

// One holder's bytes of one part; gives back what is left of them when it dies. Thread: its
// holder's.
class MemoryShare {
 public:
  MemoryShare(MemoryHolder& holder, MemoryPart part) noexcept : holder_(&holder), part_(part) {}
  ~MemoryShare() { holder_->release(part_, bytes_); }
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;

  void add(std::size_t bytes) noexcept {
    bytes_ += bytes;
    holder_->charge(part_, bytes);
  }
  void subtract(std::size_t bytes) noexcept {
    bytes_ -= bytes;
    holder_->release(part_, bytes);
  }
  void set(std::size_t bytes) noexcept {
    if (bytes > bytes_) {
      add(bytes - bytes_);
    } else if (bytes < bytes_) {
      subtract(bytes_ - bytes);
    }
  }
  std::size_t bytes() const noexcept { return bytes_; }
  const MemoryBudget& budget() const noexcept { return holder_->budget(); }

 private:
  MemoryHolder* holder_;
  std::size_t bytes_ = 0;
  MemoryPart part_;
};

// The holders of one shard: addresses in the order of what they hold together, and the holders of
// each address in the order of their burden. The largest holder of the heaviest address is found
// without looking at the others. Holders of less than 2 KiB are in no list: most sessions at most
// times. Thread: the shard's, but for the look of other ledgers at `rank()` and `heaviest()`.
class MemoryLedger {
 public:
  // `wake` makes another turn of this ledger's loop happen soon; it may be called on any thread.
  // Constructed before the shards run; outlives its holders.
  MemoryLedger(MemoryBudget& budget, std::function<void()> wake);
  ~MemoryLedger();
  MemoryLedger(const MemoryLedger&) = delete;
  MemoryLedger& operator=(const MemoryLedger&) = delete;

  MemoryBudget& budget() const noexcept { return budget_; }

  // To be called by the loop at the end of each turn. If the budget is exceeded, ends the largest
  // holder of this ledger's heaviest address, if no other ledger has a heavier one; else wakes that
  // one. True: a holder was ended, so its remains are to be removed before the next call.
  bool relieve();

  // Whether `relieve` would end a holder.
  bool must_relieve() const noexcept;

 private:
  friend class MemoryHolder;

  // The holder's size class has changed.
  void move(MemoryHolder& holder, unsigned from, unsigned to) noexcept;
  MemoryOwner& owner(AddressKey address) noexcept;
  // The size class of the heaviest address, plus one; 0 if nobody is in a list.
  unsigned rank() const noexcept { return rank_.load(std::memory_order_relaxed); }
  // Whose that address is; none if nobody is in a list, or if it is not known.
  AddressKey heaviest() const noexcept { return {heaviest_.load(std::memory_order_relaxed)}; }
  // What the heaviest address holds here, and on the other shards where it is the heaviest, too.
  std::size_t weight_of_heaviest() const noexcept;
  const MemoryLedger* heaviest_ledger() const noexcept;
  MemoryHolder* largest_holder() const noexcept;

  MemoryBudget& budget_;
  const std::function<void()> wake_;
  // Those with holders in a list, and a few others, so that a holder that grows and shrinks with
  // each message does not make its row again and again.
  std::unordered_map<AddressKey, MemoryOwner> owners_;
  // Takes in the holders whose address found no memory for a row.
  MemoryOwner unknown_{AddressKey{}};
  MemoryOwner::Lists by_weight_;
  std::atomic<unsigned> rank_{0};
  std::atomic<std::uint64_t> heaviest_{0};
};

inline const MemoryBudget& MemoryHolder::budget() const noexcept { return ledger_->budget(); }

inline void MemoryHolder::charge(MemoryPart part, std::size_t bytes) noexcept {
  ledger_->budget_.charge(part, bytes);
  const auto from = Lists::class_of(held_);
  held_ += bytes * weight(part);
  const auto to = Lists::class_of(held_);
  if (from != to) ledger_->move(*this, from, to);
}

inline void MemoryHolder::release(MemoryPart part, std::size_t bytes) noexcept {
  ledger_->budget_.release(part, bytes);
  const auto from = Lists::class_of(held_);
  held_ -= bytes * weight(part);
  const auto to = Lists::class_of(held_);
  if (from != to) ledger_->move(*this, from, to);
}

}  // namespace sigway::base
