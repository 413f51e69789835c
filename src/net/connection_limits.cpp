#include "net/connection_limits.h"

namespace sigway::net {

ConnectionPermit::ConnectionPermit(std::shared_ptr<ConnectionLimits> limits, const Address& peer)
    : limits_(std::move(limits)), peer_(peer.without_port()) {}

ConnectionPermit::~ConnectionPermit() {
  limits_->total_.fetch_sub(1, std::memory_order_relaxed);
  if (!limits_->counts_address(peer_)) return;
  auto& stripe = limits_->stripe_of(peer_);
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(peer_);
  if (found != stripe.counts.end() && --found->second == 0) stripe.counts.erase(found);
}

std::unique_ptr<ConnectionPermit> ConnectionLimits::count(const Address& peer) {
  auto permit = std::make_unique<ConnectionPermit>(shared_from_this(), peer);
  total_.fetch_add(1, std::memory_order_relaxed);
  if (counts_address(peer)) {
    auto& stripe = stripe_of(peer.without_port());
    const std::lock_guard lock(stripe.mutex);
    ++stripe.counts[peer.without_port()];
  }
  return permit;
}

bool ConnectionLimits::is_address_exceeded(const Address& peer) const {
  if (!counts_address(peer)) return false;
  const auto& stripe = stripe_of(peer.without_port());
  const std::lock_guard lock(stripe.mutex);
  const auto found = stripe.counts.find(peer.without_port());
  return found != stripe.counts.end() && found->second > options_.per_address;
}

bool ConnectionLimits::counts_address(const Address& peer) const {
  return options_.per_address != 0 && !(options_.exempt && options_.exempt(peer));
}

ConnectionLimits::Stripe& ConnectionLimits::stripe_of(const Address& peer) {
  return stripes_[AddressHash()(peer) % stripes_.size()];
}

const ConnectionLimits::Stripe& ConnectionLimits::stripe_of(const Address& peer) const {
  return stripes_[AddressHash()(peer) % stripes_.size()];
}

}  // namespace sigway::net
