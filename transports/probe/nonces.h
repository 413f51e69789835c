#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/keyed_hash.h"

namespace sigway::probe {

/// How often each nonce has come in: what shows that the network repeats requests, or answers them
/// without asking. Remembered for two minutes, and the oldest forgotten first beyond `most`.
/// Thread: any.
class Nonces {
 public:
  static constexpr base::Duration kLifetime = std::chrono::minutes(2);

  explicit Nonces(std::size_t most = 100'000) : most_(most) {}

  /// Counts one more. Returns how often it has come now.
  std::uint32_t count(const std::string& nonce, base::TimePoint now);
  /// How often it has come; 0 for one that is not, or no longer, known.
  std::uint32_t seen(const std::string& nonce) const;

 private:
  struct Arrival {
    std::string nonce;
    base::TimePoint first;
  };
  const std::size_t most_;
  mutable std::mutex mutex_;
  base::KeyedMap<std::uint32_t> counts_;
  std::deque<Arrival> arrivals_;  // by time of the first one
};

}  // namespace sigway::probe
