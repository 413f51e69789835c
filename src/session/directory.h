#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "session/end.h"
#include "session/ids.h"
#include "session/key.h"

namespace sigway::session {

/// From a key to the shard of its session, and the memory of keys that have ended. The one
/// structure that all shards share; its locks are striped by key. Thread: any.
class Directory {
 public:
  enum class State : std::uint8_t { unknown, live, ended };
  struct Found {
    State state = State::unknown;
    SessionId id;            ///< if live
    End reason = End::left;  ///< if ended
    bool inserted = false;   ///< by this call
  };

  /// Ended keys are remembered for `memory`, at the most `limit` of them.
  Directory(base::Duration memory, std::size_t limit)
      : memory_(memory), limit_(limit / kStripes + 1) {}

  Found find(const KeyHash& key, base::TimePoint now);

  /// Finds the session, or makes an entry for a new one on `home`: of two that open at the same
  /// moment, one inserts and both get the same id. The session itself is made on its shard by
  /// whoever arrives there first.
  Found find_or_insert(const KeyHash& key, base::ShardIndex home, base::TimePoint now);

  /// Whether the key still stands for that session: asked on its shard before the session is made,
  /// since it may have ended while the request was on its way.
  bool is_live(const KeyHash& key, SessionId id);

  /// The session has been made.
  void set_made(const KeyHash& key, SessionId id) noexcept;
  /// The session will not be made by the request that inserted it: the key is unknown again, unless
  /// another request has made the session.
  void forget_unmade(const KeyHash& key, SessionId id) noexcept;

  /// The session has ended; its key is remembered, if there is memory for that.
  void end(const KeyHash& key, End reason, base::TimePoint now) noexcept;

  /// The session has ended, and its key is unknown again.
  void forget(const KeyHash& key, SessionId id) noexcept;

  /// Live entries and remembered ones; for tests and metrics.
  std::size_t live() const;
  std::size_t remembered() const;

 private:
  static constexpr std::size_t kStripes = 64;

  struct Entry {
    SessionId id = {};  // none: ended
    base::TimePoint ended{};
    End reason = End::left;
    bool is_made = false;
  };
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<KeyHash, Entry> entries;
    std::deque<KeyHash> ended;  // in the order of their ends
  };

  Stripe& stripe_of(const KeyHash& key) { return stripes_[key.bytes[31] % kStripes]; }
  /// With the stripe locked.
  void forget_old(Stripe& stripe, base::TimePoint now) const;
  static Found found(const Stripe& stripe, const KeyHash& key);

  base::Duration memory_;
  std::size_t limit_;
  std::atomic<std::uint64_t> next_serial_{1};
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace sigway::session
