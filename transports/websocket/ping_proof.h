#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "base/rate_gate.h"

namespace sigway::websocket {

/// What the client of one WebSocket has received for sure, where its protocol acknowledges nothing.
/// A client answers pings in order and repeats their payload (RFC 6455 §5.5.3), so a pong proves
/// that what was written before its ping has arrived. Each ping carries a number. A pong with any
/// other payload proves nothing: a client may send one that nobody has asked for.
///
/// One ping is on its way at a time. Pings that follow what is written leave the client nine tenths
/// of the noise that it may make, because others decide how much is written to it and its pongs
/// count as noise.
///
/// One for each connection. Thread: the session's shard. `next_ping` is to be read after each call.
class PingProof {
 public:
  /// `ping` sends a ping with that payload. `noise`: `Options::noise` of the connection.
  PingProof(std::function<void(std::string_view payload)> ping, const base::RateLimit& noise);

  /// Events up to that number were written.
  void wrote(std::uint64_t last, base::TimePoint now);
  /// Asks whatever was written, and however often: for heartbeats and probes. Does nothing while a
  /// ping waits for its pong.
  void ask();
  /// A pong has come. The number of the last event that it proves; none: it answers no ping.
  std::optional<std::uint64_t> pong(std::string_view payload, base::TimePoint now);

  /// When `on_timer` is to be called, because something was written that the rate did not allow to
  /// prove at once; max: never.
  base::TimePoint next_ping() const noexcept { return ping_at_; }
  void on_timer(base::TimePoint now);

 private:
  void confirm(base::TimePoint now);

  const std::function<void(std::string_view)> ping_;
  const base::RateLimit limit_;
  base::RateGate rate_;
  std::uint64_t pings_ = 0;      // the number in the latest
  bool is_asking_ = false;       // the latest has no pong yet
  std::uint64_t written_ = 0;    // the last event
  std::uint64_t asked_for_ = 0;  // the last event that had been written before the latest ping
  base::TimePoint ping_at_ = base::TimePoint::max();
};

}  // namespace sigway::websocket
