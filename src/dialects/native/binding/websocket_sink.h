#pragma once

#include <utility>

#include "session/session.h"
#include "session/stream_carrier.h"
#include "websocket/port.h"

namespace sigway::dialects::native {

/// A session's events and controls as frames of one WebSocket. Thread: the session's shard.
class WebSocketSink final : public session::StreamSink {
 public:
  /// `session` owns it.
  WebSocketSink(websocket::Port port, const session::Session& session)
      : port_(std::move(port)), session_(session) {}

  std::size_t room() override { return port_.room(); }
  std::size_t unsent() override { return port_.unsent(); }
  void events(std::uint64_t first, std::span<const EncodedEvent> events) override;
  void activated(std::uint64_t turn, std::uint64_t next) override;
  void standby(std::uint64_t turn, std::uint64_t next) override;
  /// Nothing: a WebSocket is proved by ping and pong.
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t next) override;
  void probe() override;
  void end(session::End reason, base::Duration retry) override;

 private:
  websocket::Port port_;
  const session::Session& session_;
};

}  // namespace sigway::dialects::native
