#pragma once

#include "peerjs_binding/service.h"
#include "server/exchange.h"

namespace sigway::dialects::peerjs {

/// `GET PATH`: what the original says of itself.
void handle_about(server::Exchange& exchange);

/// `GET PATH/KEY/id` and `GET PATH/KEY/peers`; 404 for anything else. Thread: the shard that
/// accepted it.
void handle_request(Service& service, server::Exchange& exchange);

}  // namespace sigway::dialects::peerjs
