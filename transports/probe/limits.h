#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>

#include "base/clock.h"
#include "base/rate_gate.h"
#include "http/response.h"
#include "session/quota.h"

namespace sigway::probe {

/// How much probing there may be: requests a second of one address, and probes that last (holds,
/// streams, sockets) at once, of one address and in all. Thread: any. Lifetime: as shared_ptr,
/// because permits keep it.
class Limits : public std::enable_shared_from_this<Limits> {
 public:
  struct Options {
    std::size_t total = 200;
    std::size_t per_address = 24;  // 0: no limit
    unsigned rate = 20;            // requests a second of one address; 0: no limit
    unsigned burst = 200;
  };
  explicit Limits(Options options) : options_(options), per_address_(options.per_address) {}

  /// A lasting probe's place; gives it back when destroyed.
  class Permit {
   public:
    Permit(std::shared_ptr<Limits> limits, std::string address)
        : limits_(std::move(limits)), address_(std::move(address)) {}
    ~Permit();
    Permit(const Permit&) = delete;
    Permit& operator=(const Permit&) = delete;

   private:
    std::shared_ptr<Limits> limits_;
    std::string address_;
  };

  /// Counts a request. The refusal (429), if there are too many.
  std::optional<http::Response> check_rate(const std::string& address, base::TimePoint now);
  /// A place for a lasting probe, or the refusal: 429 for the address, 503 for the whole.
  std::variant<std::unique_ptr<Permit>, http::Response> admit(const std::string& address);

 private:
  const Options options_;
  session::Quota<std::string> per_address_;
  std::atomic<std::size_t> running_{0};
  std::mutex mutex_;
  std::unordered_map<std::string, base::RateGate> gates_;
  base::TimePoint swept_{};
};

}  // namespace sigway::probe
