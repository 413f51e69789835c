#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <variant>

#include "base/address_key.h"
#include "base/address_rates.h"
#include "base/clock.h"
#include "http/response.h"
#include "session/quota.h"

namespace sigway::probe {

/// How much probing there may be: requests and streamed bytes a second of one address, and probes
/// that last (holds, streams, sockets) at once, of one address and in all. Thread: any. Lifetime:
/// as shared_ptr, because permits keep it.
class Limits : public std::enable_shared_from_this<Limits> {
 public:
  struct Options {
    std::size_t total = 200;
    std::size_t per_address = 24;  // 0: no limit
    unsigned rate = 20;            // requests a second of one address; 0: no limit
    unsigned burst = 200;
    std::size_t bytes_rate = 256 * 1024;  // of streams, a second, of one address; 0: no limit
    std::size_t bytes_burst = 2560 * 1024;
  };
  explicit Limits(Options options);

  /// A lasting probe's place; gives it back when destroyed.
  class Permit {
   public:
    Permit(std::shared_ptr<Limits> limits, base::AddressKey address)
        : limits_(std::move(limits)), address_(address) {}
    ~Permit();
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;

   private:
    std::shared_ptr<Limits> limits_;
    base::AddressKey address_;
  };

  /// Counts a request. The refusal (429), if there are too many.
  std::optional<http::Response> check_rate(base::AddressKey address, base::TimePoint now);
  /// A place for a lasting probe that sends at most `bytes`, or the refusal: 429 for the address,
  /// 503 for the whole. A refused probe is not charged. Bytes are not given back.
  std::variant<std::unique_ptr<Permit>, http::Response> admit(base::AddressKey address,
                                                              std::size_t bytes,
                                                              base::TimePoint now);

 private:
  const Options options_;
  session::Quota<base::AddressKey> per_address_;
  std::atomic<std::size_t> running_{0};
  base::AddressRates requests_;
  base::AddressRates bytes_;
};

}  // namespace sigway::probe
