#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "peerjs_binding/carrier.h"
#include "peerjs_binding/service.h"
#include "session/session.h"
#include "session/stream_carrier.h"
#include "websocket/port.h"

namespace sigway::dialects::peerjs {

/// A session's events as messages of one WebSocket. Owned by its carrier. Thread: the session's
/// shard.
class Sink final : public session::StreamSink {
 public:
  /// For the client with that id. Its session lives on `shard`; of its events, those up to `before`
  /// were for an earlier connection.
  Sink(std::shared_ptr<Service> service, websocket::Port port, Carrier& carrier, std::string id,
       base::ShardIndex shard, std::uint64_t before)
      : service_(std::move(service)),
        port_(std::move(port)),
        carrier_(carrier),
        id_(std::move(id)),
        shard_(shard),
        before_(before) {}

  std::size_t room() override { return port_.room(); }
  std::size_t unsent() override { return port_.unsent(); }
  void events(std::uint64_t first, std::span<const EncodedEvent> events) override;
  void activated(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void standby(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t /*next*/) override { carrier_.ask(); }
  void probe() override { carrier_.ask(); }
  void end(session::End reason, base::Duration retry) override;

 private:
  void open();
  void close(session::End reason) const;

  const std::shared_ptr<Service> service_;
  const websocket::Port port_;
  Carrier& carrier_;
  const std::string id_;
  const base::ShardIndex shard_;
  const std::uint64_t before_;
  bool is_open_ = false;
  std::optional<Listing::Entry> listed_;
};

}  // namespace sigway::dialects::peerjs
