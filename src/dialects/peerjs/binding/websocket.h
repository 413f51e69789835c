#pragma once

#include <memory>

#include "peerjs_binding/service.h"
#include "server/exchange.h"

namespace sigway::dialects::peerjs {

/// A request for the WebSocket of a client, `?key=…&id=…&token=…`. Its session is that of its id
/// and token, which may be there from before. Thread: the shard that accepted it.
void handle_websocket(const std::shared_ptr<Service>& service, server::Exchange& exchange);

}  // namespace sigway::dialects::peerjs
