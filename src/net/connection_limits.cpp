#include "net/connection_limits.h"

namespace sigway::net {

ConnectionPermit::ConnectionPermit(std::shared_ptr<ConnectionLimits> limits,
                                   base::AddressKey client, bool is_counted)
    : limits_(std::move(limits)), client_(client), is_counted_(is_counted) {}

ConnectionPermit::~ConnectionPermit() {
  limits_->total_.fetch_sub(1, std::memory_order_relaxed);
  if (!is_counted_) return;
  auto& stripe = limits_->stripe_of(client_);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(client_);
  if (found != stripe.counts.end() && --found->second == 0) stripe.counts.erase(found);
}

std::unique_ptr<ConnectionPermit> ConnectionLimits::count(const Address& peer) {
  const auto client = is_exempt(peer) ? base::AddressKey{} : peer.key();
  const bool is_counted = client && options_.per_address != 0;
  auto permit = std::make_unique<ConnectionPermit>(shared_from_this(), client, is_counted);
  total_.fetch_add(1, std::memory_order_relaxed);
  if (is_counted) {
    auto& stripe = stripe_of(client);
    const std::lock_guard lock(stripe.mutex);
    ++stripe.counts[client];
  }
  return permit;
}

bool ConnectionLimits::is_address_over(const Address& peer, std::size_t most) const {
  if (options_.per_address == 0 || is_exempt(peer)) return false;
  const auto key = peer.key();
  const auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(key);
  return found != stripe.counts.end() && found->second > most;
}

}  // namespace sigway::net
