#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "peerjs_binding/options.h"
#include "session/hub.h"
#include "session/stream_carrier.h"
#include "websocket/ping_proof.h"

namespace sigway::dialects::peerjs {

/// The way down of one WebSocket. Its client says nothing of what it has received; its pongs prove
/// it. Events that nothing proves stay in the outbox, and a client that was cut gets them when it
/// comes back.
///
/// Thread: the session's shard.
class Carrier final : public session::StreamCarrier {
 public:
  /// `ping` sends a ping with that payload.
  Carrier(session::Hub& hub, std::function<void(std::string_view payload)> ping,
          const Options& options);

  /// The events up to that number were written.
  void wrote(std::uint64_t number) { proof_.wrote(number, hub_.now()); }
  /// Sends a ping, unless the last one has no pong yet.
  void ask() { proof_.ask(); }
  /// A pong has come. The number of the last event that it proves, if it answers a ping.
  std::optional<std::uint64_t> pong(std::string_view payload) {
    return proof_.pong(payload, hub_.now());
  }

  /// `task` is called once, then, unless the carrier ends before. Also without a connection, but
  /// only if the session is told something after this. It must not call the session.
  void call_at(base::TimePoint then, std::function<void()> task);

  base::TimePoint next_deadline() const override;
  std::optional<session::End> on_timer(base::TimePoint now, session::Outbox& outbox) override;

 private:
  session::Hub& hub_;
  websocket::PingProof proof_;
  std::function<void()> task_;
  base::TimePoint task_at_ = base::TimePoint::max();
};

}  // namespace sigway::dialects::peerjs
