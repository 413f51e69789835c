#pragma once

#include <unordered_set>
#include <vector>

#include "binding/context.h"
#include "server/exchange.h"
#include "websocket/connection.h"

namespace sigway::dialects::native {

struct WebSocketOptions {
  websocket::Options connection;
  base::Duration attach_timeout =
      std::chrono::seconds(10);  ///< until the first frame with open or resume
};

/// The WebSockets that have no session yet. No session tells them of a drain.
class Lobby {
 public:
  explicit Lobby(binding::Context& context) : sockets_(context.shared.hubs.size()) {}

  // Thread: that shard. The socket is removed before it goes.
  void add(base::ShardIndex shard, websocket::Connection& socket) {
    sockets_[shard].insert(&socket);
  }
  void remove(base::ShardIndex shard, websocket::Connection& socket) noexcept {
    sockets_[shard].erase(&socket);
  }
  /// Tells them all to come back, and closes them.
  void drain(base::ShardIndex shard) noexcept;

 private:
  std::vector<std::unordered_set<websocket::Connection*>> sockets_;
};

/// `GET /v1/ws` (docs/protocol.md, "WebSocket"): the handshake, and then the connection becomes a
/// WebSocket. Thread: the shard that accepted it. `options` and `lobby` outlive it.
void handle_websocket(binding::Context& context, const WebSocketOptions& options, Lobby& lobby,
                      server::Exchange& exchange);

}  // namespace sigway::dialects::native
