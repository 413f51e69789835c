#include "probe/limits.h"

#include <utility>

namespace sigway::probe {
namespace {

http::Response later(http::Response refusal) {
  refusal.set("Retry-After", "5");
  refusal.set("Access-Control-Expose-Headers", "Retry-After");
  return refusal;
}

}  // namespace

Limits::Permit::~Permit() {
  limits_->per_address_.subtract(address_);
  --limits_->running_;
}

std::optional<http::Response> Limits::check_rate(const std::string& address, base::TimePoint now) {
  if (options_.rate == 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  // Once a full refill has passed, a gate that nobody has touched says nothing; forgetting all
  // then is what bounds the table: nobody gains more than one further burst by it.
  const auto refill = std::chrono::seconds(1 + options_.burst / options_.rate);
  if (now - swept_ > 2 * refill) {
    gates_.clear();
    swept_ = now;
  }
  const base::RateLimit limit{static_cast<double>(options_.rate),
                              static_cast<double>(options_.burst)};
  if (gates_[address].take(limit, 1, now)) return std::nullopt;
  return later(http::Response::error(429, "rate_limited", "Your address probes too often.",
                                     "Wait a few seconds; the operator sets --probe-rate."));
}

std::variant<std::unique_ptr<Limits::Permit>, http::Response> Limits::admit(
    const std::string& address) {
  if (!per_address_.try_add(address)) {
    return later(http::Response::error(
        429, "too_many_probes", "Your address runs too many probes at once.",
        "Wait for the others to end; the operator sets --max-probes-per-address."));
  }
  // Counted first, so that two at the same moment cannot both take the last place.
  if (++running_ > options_.total) {
    --running_;
    per_address_.subtract(address);
    return later(http::Response::error(503, "overloaded", "The server runs all the probes it may.",
                                       "Try again in a minute; the operator sets --max-probes."));
  }
  return std::make_unique<Permit>(shared_from_this(), address);
}

}  // namespace sigway::probe
