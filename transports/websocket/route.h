#pragma once

#include "entry/entry.h"
#include "server/exchange.h"
#include "websocket/connection.h"

namespace sigway::websocket {

/// `GET /v1/ws`: the handshake, and then the connection becomes a WebSocket. Thread: the shard that
/// accepted it.
void handle(entry::Context& context, const Options& options, server::Exchange& exchange);

}  // namespace sigway::websocket
