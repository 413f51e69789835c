#pragma once

#include "binding/context.h"
#include "plain/options.h"
#include "plain/request.h"
#include "server/exchange.h"
#include "websocket/connection.h"

namespace sigway::plain {

/// A request that asks for a WebSocket: opens a session that ends with it. `options` outlives it.
/// Thread: the shard that accepted it.
void handle_websocket(binding::Context& context, const Protocol& protocol,
                      const websocket::Options& options, server::Exchange& exchange,
                      const Query& query);

}  // namespace sigway::plain
