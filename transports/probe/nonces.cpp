#include "probe/nonces.h"

namespace sigway::probe {

std::uint32_t Nonces::count(const std::string& nonce, base::AddressKey address,
                            base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  while (!arrivals_.empty() && arrivals_.front().first + kLifetime <= now)
    forget(arrivals_.front());
  if (const auto found = rows_.find(nonce); found != rows_.end()) return ++found->second.count;
  // What may fail comes first, and leaves nothing behind.
  Arrivals arrival;
  arrival.push_back({nonce, address, now});
  auto& owned = owned_[address];
  rows_.try_emplace(nonce, Row{1, arrival.begin()});
  auto& newest = arrival.front();
  arrivals_.splice(arrivals_.end(), arrival);
  (owned.count == 0 ? owned.oldest : owned.newest->newer) = &newest;
  owned.newest = &newest;
  if (++owned.count > most_of_address_) {
    forget(*owned.oldest);
  } else if (arrivals_.size() > most_) {
    forget(arrivals_.front());
  }
  return 1;
}

std::uint32_t Nonces::seen(const std::string& nonce) const {
  const std::lock_guard lock(mutex_);
  const auto found = rows_.find(nonce);
  return found == rows_.end() ? 0 : found->second.count;
}

void Nonces::forget(const Arrival& arrival) {
  const auto owner = owned_.find(arrival.address);
  owner->second.oldest = arrival.newer;
  if (--owner->second.count == 0) owned_.erase(owner);
  const auto row = rows_.find(arrival.nonce);
  const auto place = row->second.arrival;
  rows_.erase(row);
  arrivals_.erase(place);
}

}  // namespace sigway::probe
