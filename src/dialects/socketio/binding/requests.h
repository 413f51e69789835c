#pragma once

#include "server/exchange.h"
#include "socketio_binding/service.h"

namespace sigway::dialects::socketio {

/// A request at `PATH/`: Engine.IO 3 and 4, by polls or for a WebSocket. Thread: the shard
/// that accepted it.
void handle_engine_io(Service& service, server::Exchange& exchange);

/// A request below `PATH/1/`: Socket.IO 0.9. Thread: as above.
void handle_legacy(Service& service, server::Exchange& exchange);

}  // namespace sigway::dialects::socketio
