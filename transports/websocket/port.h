#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "net/connection.h"
#include "net/shard.h"

namespace sigway::websocket {

/// The way to a WebSocket from any shard: an id, not a pointer. Harmless when the connection is
/// gone. Thread: any; what one thread sends keeps its order.
class Port {
 public:
  Port(net::Shard& shard, net::ConnectionId id) : shard_(&shard), id_(id) {}

  void send_text(base::Bytes text) const;
  void ping() const;
  void close(std::uint16_t code, std::string_view reason) const;

 private:
  template <typename Action>
  void act(Action action) const;

  net::Shard* shard_;
  net::ConnectionId id_;
};

}  // namespace sigway::websocket
