#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace sigway::session {

/// So many a second, with bursts. A rate of 0 lets everything pass.
class TokenBucket {
 public:
  TokenBucket(double rate, double burst, base::TimePoint now)
      : rate_(rate), burst_(burst), tokens_(burst), filled_(now) {}

  /// Takes `count` tokens, all or none.
  bool take(double count, base::TimePoint now) {
    if (rate_ <= 0) return true;
    tokens_ =
        std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - filled_).count());
    filled_ = now;
    if (tokens_ < count) return false;
    tokens_ -= count;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  base::TimePoint filled_;
};

}  // namespace sigway::session
