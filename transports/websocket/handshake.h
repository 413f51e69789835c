#pragma once

#include <string>
#include <string_view>

#include "http/request.h"
#include "http/response.h"

namespace sigway::websocket {

/// The opening handshake of RFC 6455 §4.2. Chooses `subprotocol` if it is offered; empty: none.
/// Returns the 101, or the refusal: 426 for what is no handshake, HTTP/1.0 (§4.1) or another
/// WebSocket version than 13, 400 for a bad key. `upgrade` says which.
struct Handshake {
  http::Response response;
  bool upgrade = false;
};
Handshake shake_hands(const http::Request& request, std::string_view subprotocol);

/// The first subprotocol that is offered, for servers that have none of their own: a client that
/// offers some fails if none is chosen (RFC 6455 §4.1). Empty: none is offered.
std::string offered_subprotocol(const http::Request& request);

}  // namespace sigway::websocket
