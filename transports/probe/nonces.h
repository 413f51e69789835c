#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/address_key.h"
#include "base/clock.h"
#include "base/keyed_hash.h"

namespace sigway::probe {

/// How often each nonce has come in: what shows that the network repeats requests, or answers them
/// without asking. Remembered for two minutes. A nonce belongs to the address that it first came
/// from. Beyond `most_of_address` the oldest of that address is forgotten, so that nobody makes the
/// server forget those of others; beyond `most` the oldest of all. Thread: any.
class Nonces {
 public:
  static constexpr base::Duration kLifetime = std::chrono::minutes(2);

  /// A nonce takes about 300 bytes, 6 MB in all.
  explicit Nonces(std::size_t most = 20'000, std::size_t most_of_address = 1'000)
      : most_(most), most_of_address_(most_of_address) {}

  /// Counts one more. Returns how often it has come now.
  std::uint32_t count(const std::string& nonce, base::AddressKey address, base::TimePoint now);
  /// How often it has come; 0 for one that is not, or no longer, known.
  std::uint32_t seen(const std::string& nonce) const;

 private:
  struct Arrival {
    std::string nonce;
    base::AddressKey address;
    base::TimePoint first;
    Arrival* newer = nullptr;  // the next one of the same address
  };
  using Arrivals = std::list<Arrival>;
  struct Row {
    std::uint32_t count = 0;
    Arrivals::iterator arrival;
  };
  struct Owned {
    std::size_t count = 0;
    Arrival* oldest = nullptr;
    Arrival* newest = nullptr;
  };

  /// The oldest of all, or the oldest of an address.
  void forget(const Arrival& arrival);

  const std::size_t most_;
  const std::size_t most_of_address_;
  mutable std::mutex mutex_;
  base::KeyedMap<Row> rows_;
  Arrivals arrivals_;  // by time of the first one
  std::unordered_map<base::AddressKey, Owned> owned_;
};

}  // namespace sigway::probe
