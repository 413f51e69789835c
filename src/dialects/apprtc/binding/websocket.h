#pragma once

#include <string_view>

#include "apprtc_binding/service.h"
#include "server/exchange.h"

namespace sigway::dialects::apprtc {

/// `GET /ws`: Collider's WebSocket. Thread: the shard that accepted the request.
void handle_websocket(Service& service, server::Exchange& exchange, std::string_view rest);

}  // namespace sigway::dialects::apprtc
