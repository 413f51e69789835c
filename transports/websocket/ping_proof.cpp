#include "websocket/ping_proof.h"

#include <algorithm>
#include <string>
#include <utility>

namespace sigway::websocket {

PingProof::PingProof(std::function<void(std::string_view payload)> ping,
                     const base::RateLimit& noise)
    : ping_(std::move(ping)),
      limit_{.per_second = noise.per_second / 10, .burst = std::max(noise.burst / 10, 1.0)} {}

void PingProof::wrote(std::uint64_t last, base::TimePoint now) {
  written_ = last;
  confirm(now);
}

void PingProof::confirm(base::TimePoint now) {
  if (is_asking_ || written_ == asked_for_) return;
  if (rate_.take(limit_, 1, now)) {
    ask();
  } else {
    ping_at_ = rate_.ready_at(limit_, 1);
  }
}

void PingProof::ask() {
  if (is_asking_) return;
  ping_(std::to_string(pings_ + 1));
  // Only now: a ping that there was no memory for has not been sent.
  ++pings_;
  is_asking_ = true;
  asked_for_ = written_;
  ping_at_ = base::TimePoint::max();
}

std::optional<std::uint64_t> PingProof::pong(std::string_view payload, base::TimePoint now) {
  if (!is_asking_ || payload != std::to_string(pings_)) return std::nullopt;
  is_asking_ = false;
  const auto proved = asked_for_;
  confirm(now);
  return proved;
}

void PingProof::on_timer(base::TimePoint now) {
  if (now < ping_at_) return;
  ping_at_ = base::TimePoint::max();
  confirm(now);
}

}  // namespace sigway::websocket
