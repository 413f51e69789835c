#include "probe/nonces.h"

namespace sigway::probe {

std::uint32_t Nonces::count(const std::string& nonce, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  while (!arrivals_.empty() && arrivals_.front().first + kLifetime <= now) {
    counts_.erase(arrivals_.front().nonce);
    arrivals_.pop_front();
  }
  const auto [entry, is_new] = counts_.try_emplace(nonce, 0);
  const auto result = ++entry->second;
  if (is_new) {
    arrivals_.push_back({nonce, now});
    if (arrivals_.size() > most_) {
      counts_.erase(arrivals_.front().nonce);
      arrivals_.pop_front();
    }
  }
  return result;
}

std::uint32_t Nonces::seen(const std::string& nonce) const {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(nonce);
  return found == counts_.end() ? 0 : found->second;
}

}  // namespace sigway::probe
