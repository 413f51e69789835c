#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "base/rate_gate.h"
#include "peerjs_binding/options.h"
#include "session/hub.h"
#include "session/stream_carrier.h"

namespace sigway::dialects::peerjs {

/// The way down of one WebSocket. Its client says nothing of what it has received, but a WebSocket
/// answers pings, and in order: a pong proves that what was written before its ping has arrived. So
/// a ping follows what is written. Events that nothing proves stay in the outbox, and a client that
/// was cut gets them when it comes back.
///
/// Thread: the session's shard.
class Carrier final : public session::StreamCarrier {
 public:
  /// `ping` sends one.
  Carrier(session::Hub& hub, std::function<void()> ping, const Options& options);

  /// The events up to that number were written.
  void wrote(std::uint64_t number);
  /// Sends a ping, unless the last one has no pong yet.
  void ask();
  /// A pong has come. The number of the last event that it proves, if it answers a ping.
  std::optional<std::uint64_t> pong();

  base::TimePoint next_deadline() const override;
  std::optional<session::End> on_timer(base::TimePoint now, session::Outbox& outbox) override;

 private:
  void confirm();

  session::Hub& hub_;
  const std::function<void()> ping_;
  std::uint64_t written_ = 0;
  std::uint64_t asked_ = 0;  // the last that had been written before the latest ping
  bool is_asking_ = false;   // that ping has no pong yet
  const base::RateLimit limit_;
  base::RateGate rate_;  // of pings that follow what is written
  base::TimePoint ask_at_ = base::TimePoint::max();
};

}  // namespace sigway::dialects::peerjs
