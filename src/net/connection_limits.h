#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "net/address.h"

namespace sigway::net {

class ConnectionLimits;

// A connection's place in the counts; gives it back when destroyed. Any thread.
class ConnectionPermit {
 public:
  // `client` as below; `is_counted` if it counts for that address.
  ConnectionPermit(std::shared_ptr<ConnectionLimits> limits, base::AddressKey client,
                   bool is_counted);
  ~ConnectionPermit();
  ConnectionPermit(const ConnectionPermit&) = delete;
  ConnectionPermit& operator=(const ConnectionPermit&) = delete;

  // Whose connection it is; nobody's, if its address is exempt because many clients share it.
  base::AddressKey client() const { return client_; }

 private:
  std::shared_ptr<ConnectionLimits> limits_;
  base::AddressKey client_;
  bool is_counted_;
};

// How many connections there may be, in all and from one address, over all shards and ports.
// Thread: any; one atomic for the total, a striped lock for the addresses, none when that limit is
// off.
class ConnectionLimits : public std::enable_shared_from_this<ConnectionLimits> {
 public:
  struct Options {
    std::size_t total = 0;  // 0: no limit
    // How many may be over `total` for as long as it takes to tell them so; who comes then is told
    // without waiting for the request, or not at all over TLS. They hold descriptors like the
    // others.
    std::size_t refusals = 0;
    std::size_t per_address = 0;  // 0: no limit. Of IPv6, for a /64.
    // How many of one address may be over `per_address` for as long as it takes to tell them so.
    // Else one address could hold every place with connections that are being refused.
    std::size_t address_refusals = 1;
    // Addresses that do not count against `per_address`: trusted proxies. May be empty.
    std::function<bool(const Address&)> exempt = {};
  };
  explicit ConnectionLimits(Options options) : options_(std::move(options)) {}

  // Counts a connection, over the limit too: it holds a descriptor either way, if only to be
  // refused.
  std::unique_ptr<ConnectionPermit> count(const Address& peer);

  std::size_t total() const { return total_.load(std::memory_order_relaxed); }
  bool is_total_exceeded() const { return is_over(options_.total); }
  // No room even for one more that is to be refused.
  bool are_refusals_exceeded() const { return is_over(options_.total + options_.refusals); }
  bool is_address_exceeded(const Address& peer) const {
    return is_address_over(peer, options_.per_address);
  }
  // No room even for one more of this address that is to be refused.
  bool are_address_refusals_exceeded(const Address& peer) const {
    return is_address_over(peer, options_.per_address + options_.address_refusals);
  }

 private:
  friend class ConnectionPermit;
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<base::AddressKey, std::size_t> counts;
  };
  bool is_over(std::size_t count) const { return options_.total != 0 && total() > count; }
  bool is_exempt(const Address& peer) const { return options_.exempt && options_.exempt(peer); }
  bool is_address_over(const Address& peer, std::size_t most) const;
  // By the upper bits: the tables use the lower ones.
  Stripe& stripe_of(base::AddressKey key) { return stripes_[key.value >> 60U]; }
  const Stripe& stripe_of(base::AddressKey key) const { return stripes_[key.value >> 60U]; }

  const Options options_;
  std::atomic<std::size_t> total_{0};
  std::array<Stripe, 16> stripes_;
};

}  // namespace sigway::net
