#pragma once

#include <string_view>

#include "apprtc_binding/service.h"
#include "server/exchange.h"

/// Requests to Collider. `rest` is what follows the root and a slash, decoded. Thread: the shard
/// that accepted the request.
namespace sigway::dialects::apprtc {

/// `POST /ROOM/CLIENT` says the body for a client, `DELETE` ends it; other methods do nothing.
void handle_client(Service& service, server::Exchange& exchange, std::string_view rest);
/// `GET /status`
void handle_status(Service& service, server::Exchange& exchange, std::string_view rest);

}  // namespace sigway::dialects::apprtc
