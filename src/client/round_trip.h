#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "client/scheduler.h"

namespace sigway::client {

/// How long a round trip takes, as TCP guesses it (RFC 6298 §2): smoothed, and with room for what
/// it varies.
class RoundTrip {
 public:
  void add(Duration time) {
    constexpr Duration kMost{10'000};  // a longer one is the exception: a line that was down
    time = std::min(time, kMost);
    least_ = std::min(least_.value_or(time), time);
    if (smoothed_) {
      varies_ = (3 * varies_ + std::chrono::abs(*smoothed_ - time)) / 4;
      smoothed_ = (7 * *smoothed_ + time) / 8;
    } else {
      varies_ = time / 2;
      smoothed_ = time;
    }
  }

  /// What one takes, smoothed; `unknown` before one was measured.
  Duration usual(Duration unknown = Duration(100)) const noexcept {
    return smoothed_.value_or(unknown);
  }
  /// The shortest; nothing before one was measured.
  std::optional<Duration> least() const noexcept { return least_; }

  /// What a round trip hardly ever takes longer than: `least` at the least, and `unknown` before
  /// one was measured.
  Duration patience(Duration least, Duration unknown) const {
    return smoothed_ ? std::max(least, *smoothed_ + 4 * varies_) : unknown;
  }

 private:
  std::optional<Duration> smoothed_, least_;
  Duration varies_{0};
};

}  // namespace sigway::client
