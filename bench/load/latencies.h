#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

#include "loop.h"

namespace sigway::load {

/// Samples, kept all: percentiles are exact.
class Latencies {
 public:
  void add(Duration latency) {
    samples_.push_back(std::chrono::duration<float, std::micro>(latency).count());
  }
  void clear() { samples_.clear(); }

  /// Microseconds; 0 without samples.
  double percentile(double percent) {
    if (samples_.empty()) return 0;
    const auto last = static_cast<double>(samples_.size() - 1);
    const auto at = static_cast<std::ptrdiff_t>(last * percent / 100);
    std::nth_element(samples_.begin(), samples_.begin() + at, samples_.end());
    return static_cast<double>(samples_[static_cast<std::size_t>(at)]);
  }

 private:
  std::vector<float> samples_;
};

}  // namespace sigway::load
