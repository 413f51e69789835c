#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <mutex>
#include <unordered_map>

#include "base/address_key.h"
#include "base/rate_gate.h"

namespace sigway::base {

// A rate gate for each address, shared by all shards. Bounded: gates that are full again are
// forgotten, and where that is not enough all are, which is worth one more burst to each.
// Thread: any; striped locks, none if there is no limit. Off the hot path.
class AddressRates {
 public:
  explicit AddressRates(const RateLimit& limit, std::size_t most = 64 * 1024)
      : limit_(limit), most_(most / kStripes + 1) {}

  // Takes `count` tokens of that address, all or none. False: it has not so many left.
  bool take(AddressKey address, TimePoint now, double count = 1) {
    if (limit_.per_second <= 0) return true;
    auto& stripe = stripes_[address.value >> 60U];  // the table uses the lower bits
    const std::lock_guard lock(stripe.mutex);
    if (stripe.gates.size() >= std::min(stripe.sweep_at, most_)) sweep(stripe, now);
    return stripe.gates[address].take(limit_, count, now);
  }

  // Gives tokens back that were taken for something that did not happen.
  void give_back(AddressKey address, double count) {
    if (limit_.per_second <= 0) return;
    auto& stripe = stripes_[address.value >> 60U];
    const std::lock_guard lock(stripe.mutex);
    const auto gate = stripe.gates.find(address);  // forgotten if it was full again
    if (gate != stripe.gates.end()) gate->second.give_back(limit_, count);
  }

  // For tests.
  std::size_t size() const {
    std::size_t count = 0;
    for (const auto& stripe : stripes_) {
      const std::lock_guard lock(stripe.mutex);
      count += stripe.gates.size();
    }
    return count;
  }

 private:
  static constexpr std::size_t kStripes = 16;
  static constexpr std::size_t kFirstSweep = 64;
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<AddressKey, RateGate> gates;
    std::size_t sweep_at = kFirstSweep;
  };

  void sweep(Stripe& stripe, TimePoint now) const {
    std::erase_if(stripe.gates, [&](const auto& row) { return row.second.is_full(now); });
    if (stripe.gates.size() >= most_) stripe.gates.clear();
    stripe.sweep_at = std::max(kFirstSweep, 2 * stripe.gates.size());
  }

  const RateLimit limit_;
  const std::size_t most_;
  std::array<Stripe, kStripes> stripes_;
};

}  // namespace sigway::base
