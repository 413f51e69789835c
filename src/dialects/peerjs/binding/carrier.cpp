#include "peerjs_binding/carrier.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sigway::dialects::peerjs {
namespace {

/// A pong is noise, and others decide how much is written to a client: the pongs that it owes for
/// that must leave it most of what it may say.
base::RateLimit tenth_of(const base::RateLimit& noise) {
  return {.per_second = noise.per_second / 10, .burst = std::max(noise.burst / 10, 1.0)};
}

/// Pings so often, and takes so many without an answer, that a client is given up when it has been
/// silent for `expiry` at the most and for three quarters of it at the least.
session::StreamOptions stream_options(base::Duration ping_interval, base::Duration expiry) {
  const auto heartbeat = std::min(ping_interval, expiry / 4);
  return {.heartbeat = heartbeat,
          .patience = static_cast<int>(expiry / heartbeat) - 1,
          .max_age = {},
          .max_bytes = 0};
}

}  // namespace

Carrier::Carrier(session::Hub& hub, std::function<void()> ping, const Options& options)
    : StreamCarrier(stream_options(hub.settings().heartbeat, options.expiry)),
      hub_(hub),
      ping_(std::move(ping)),
      limit_(tenth_of(options.websocket.noise)) {}

void Carrier::wrote(std::uint64_t number) {
  written_ = number;
  confirm();
}

void Carrier::confirm() {
  if (is_asking_ || written_ == asked_) return;
  if (rate_.take(limit_, 1, hub_.now())) {
    ask();
  } else {
    ask_at_ = rate_.ready_at(limit_, 1);
  }
}

void Carrier::ask() {
  if (is_asking_) return;
  ping_();
  is_asking_ = true;
  asked_ = written_;
  ask_at_ = base::TimePoint::max();
}

std::optional<std::uint64_t> Carrier::pong() {
  if (!std::exchange(is_asking_, false)) return std::nullopt;
  const auto proved = asked_;
  confirm();
  return proved;
}

base::TimePoint Carrier::next_deadline() const {
  const auto deadline = StreamCarrier::next_deadline();
  return connected() ? std::min(deadline, ask_at_) : deadline;
}

std::optional<session::End> Carrier::on_timer(base::TimePoint now, session::Outbox& outbox) {
  if (now >= ask_at_) {
    ask_at_ = base::TimePoint::max();
    confirm();
  }
  return StreamCarrier::on_timer(now, outbox);
}

}  // namespace sigway::dialects::peerjs
