#pragma once

#include <string_view>

#include "apprtc_binding/service.h"
#include "server/exchange.h"

/// Requests to AppRTC's room server. `rest` is what follows the path's fixed part, decoded. Thread:
/// the shard that accepted the request.
namespace sigway::dialects::apprtc {

/// `POST /join/ROOM`: a place in the room, and what waits there.
void handle_join(Service& service, server::Exchange& exchange, std::string_view rest);
/// `POST /message/ROOM/CLIENT`: the body goes to the other one, or waits for it.
void handle_message(Service& service, server::Exchange& exchange, std::string_view rest);
/// `POST /leave/ROOM/CLIENT`
void handle_leave(Service& service, server::Exchange& exchange, std::string_view rest);
/// `GET /params`
void handle_params(Service& service, server::Exchange& exchange, std::string_view rest);
/// `GET /r/ROOM`: where a person gets into the call; the room's parameters for a program.
void handle_room(Service& service, server::Exchange& exchange, std::string_view rest);
/// `POST /v1alpha/iceconfig`
void handle_ice_config(Service& service, server::Exchange& exchange, std::string_view rest);

}  // namespace sigway::dialects::apprtc
