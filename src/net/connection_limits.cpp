#include "net/connection_limits.h"

namespace sigway::net {

ConnectionPermit::ConnectionPermit(std::shared_ptr<ConnectionLimits> limits,
                                   base::AddressKey counted)
    : limits_(std::move(limits)), counted_(counted) {}

ConnectionPermit::~ConnectionPermit() {
  limits_->total_.fetch_sub(1, std::memory_order_relaxed);
  if (!counted_) return;
  auto& stripe = limits_->stripe_of(counted_);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(counted_);
  if (found != stripe.counts.end() && --found->second == 0) stripe.counts.erase(found);
}

std::unique_ptr<ConnectionPermit> ConnectionLimits::count(const Address& peer) {
  const auto counted = counts_address(peer) ? peer.key() : base::AddressKey{};
  auto permit = std::make_unique<ConnectionPermit>(shared_from_this(), counted);
  total_.fetch_add(1, std::memory_order_relaxed);
  if (counted) {
    auto& stripe = stripe_of(counted);
    const std::lock_guard lock(stripe.mutex);
    ++stripe.counts[counted];
  }
  return permit;
}

bool ConnectionLimits::is_address_over(const Address& peer, std::size_t most) const {
  if (!counts_address(peer)) return false;
  const auto key = peer.key();
  const auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(key);
  return found != stripe.counts.end() && found->second > most;
}

bool ConnectionLimits::counts_address(const Address& peer) const {
  return options_.per_address != 0 && !(options_.exempt && options_.exempt(peer));
}

}  // namespace sigway::net
