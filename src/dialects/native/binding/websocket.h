#pragma once

#include "binding/context.h"
#include "server/exchange.h"
#include "websocket/connection.h"

namespace sigway::dialects::native {

struct WebSocketOptions {
  websocket::Options connection;
  base::Duration attach_timeout =
      std::chrono::seconds(10);  ///< until the first frame with open or resume
};

/// `GET /v1/ws` (docs/protocol.md, "WebSocket"): the handshake, and then the connection becomes a
/// WebSocket. Thread: the shard that accepted it. `options` outlives it.
void handle_websocket(binding::Context& context, const WebSocketOptions& options,
                      server::Exchange& exchange);

}  // namespace sigway::dialects::native
