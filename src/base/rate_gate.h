#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace sigway::base {

// So many a second, with bursts: the numbers of a RateGate, shared by all gates of a kind.
struct RateLimit {
  double per_second = 0;  // 0: everything passes
  double burst = 1;       // at once after a rest; at least 1
};

// A token bucket in one timestamp (the generic cell rate algorithm, ITU-T I.371): `free_at_` is the
// time at which the bucket would be full again. A new gate is full. Thread: its owner's.
class RateGate {
 public:
  // Takes `count` tokens, all or none. More than the burst never pass at once.
  bool take(const RateLimit& limit, double count, TimePoint now) {
    if (limit.per_second <= 0) return true;
    const auto next = std::max(free_at_, now) + of(count / limit.per_second);
    if (next > now + of(limit.burst / limit.per_second)) return false;
    free_at_ = next;
    return true;
  }

  // Takes `count` tokens even if there are not so many: whoever is not refused waits afterwards
  // (`ready_at`).
  void overdraw(const RateLimit& limit, double count, TimePoint now) {
    if (limit.per_second > 0) free_at_ = std::max(free_at_, now) + of(count / limit.per_second);
  }

  // Gives tokens back that were taken for something that did not happen.
  void give_back(const RateLimit& limit, double count) {
    if (limit.per_second > 0) free_at_ -= of(count / limit.per_second);
  }

  // When `take` of so many passes if nobody takes any before. `count` is no more than the burst.
  // Only once some have been taken, or refused.
  TimePoint ready_at(const RateLimit& limit, double count) const {
    return free_at_ + of(count / limit.per_second) - of(limit.burst / limit.per_second);
  }

  // Nothing has been taken for so long that the gate says no more than a new one does.
  bool is_full(TimePoint now) const { return free_at_ <= now; }

 private:
  static Duration of(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
  }

  TimePoint free_at_ = TimePoint::min();
};

}  // namespace sigway::base
