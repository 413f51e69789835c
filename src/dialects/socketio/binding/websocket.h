#pragma once

#include <optional>

#include "server/exchange.h"
#include "socketio_binding/engine_io.h"
#include "socketio_binding/service.h"

namespace sigway::dialects::socketio {

/// A request for a WebSocket: for that engine, or for a new one with that handshake. Thread: the
/// shard that accepted it.
void open_socket(Service& service, server::Exchange& exchange, std::optional<EngineId> engine,
                 const Handshake& handshake);

}  // namespace sigway::dialects::socketio
