#include "peerjs_binding/carrier.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace sigway::dialects::peerjs {
namespace {

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

Carrier::Carrier(session::Hub& hub, std::function<void(std::string_view payload)> ping,
                 const Options& options)
    : StreamCarrier(stream_options(hub.settings().heartbeat, options.expiry)),
      hub_(hub),
      proof_(std::move(ping), options.websocket.noise) {}

void Carrier::call_at(base::TimePoint then, std::function<void()> task) {
  task_ = std::move(task);
  task_at_ = then;
}

base::TimePoint Carrier::next_deadline() const {
  const auto deadline = std::min(StreamCarrier::next_deadline(), task_at_);
  return connected() ? std::min(deadline, proof_.next_ping()) : deadline;
}

std::optional<session::End> Carrier::on_timer(base::TimePoint now, session::Outbox& outbox) {
  if (now >= task_at_) {
    task_();
    task_at_ = base::TimePoint::max();  // after what may fail
    task_ = nullptr;
  }
  if (connected()) proof_.on_timer(now);
  return StreamCarrier::on_timer(now, outbox);
}

}  // namespace sigway::dialects::peerjs
