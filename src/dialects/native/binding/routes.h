#pragma once

#include "binding/context.h"
#include "native_binding/sse.h"
#include "native_binding/websocket.h"
#include "server/router.h"

namespace sigway::dialects::native {

struct Options {
  WebSocketOptions websocket;
  SseOptions sse;
};

/// `/v1/ws`, `/v1/sse`, `/v1/poll`, `/v1/send` (docs/protocol.md, "Routes"). `context` and
/// `options` outlive the router.
void add_routes(server::Router& router, binding::Context& context, const Options& options);

}  // namespace sigway::dialects::native
