#include "probe/limits.h"

#include <string>
#include <utility>

namespace sigway::probe {
namespace {

http::Response later(http::Response refusal, std::size_t seconds = 5) {
  refusal.set("Retry-After", std::to_string(seconds));
  refusal.set("Access-Control-Expose-Headers", "Retry-After");
  return refusal;
}

}  // namespace

Limits::Limits(Options options)
    : options_(options),
      per_address_(options.per_address),
      requests_({static_cast<double>(options.rate), static_cast<double>(options.burst)}),
      bytes_({static_cast<double>(options.bytes_rate), static_cast<double>(options.bytes_burst)}) {}

Limits::Permit::~Permit() {
  limits_->per_address_.subtract(address_);
  --limits_->running_;
}

std::optional<http::Response> Limits::check_rate(base::AddressKey address, base::TimePoint now) {
  if (requests_.take(address, now)) return std::nullopt;
  return later(http::Response::error(429, "rate_limited", "Your address probes too often.",
                                     "Wait a few seconds; the operator sets --probe-rate."));
}

std::variant<std::unique_ptr<Limits::Permit>, http::Response> Limits::admit(
    base::AddressKey address, std::size_t bytes, base::TimePoint now) {
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
  auto permit = std::make_unique<Permit>(shared_from_this(), address);
  if (!bytes_.take(address, now, static_cast<double>(bytes))) {
    // After so long there is enough, unless the address asks for more meanwhile.
    return later(http::Response::error(429, "rate_limited",
                                       "Your address asks for too many bytes of probes.",
                                       "Wait; the operator sets --probe-bytes-rate."),
                 1 + bytes / options_.bytes_rate);
  }
  return permit;
}

}  // namespace sigway::probe
