#pragma once

#include "apprtc_binding/options.h"
#include "binding/context.h"
#include "server/router.h"

namespace sigway::dialects::apprtc {

/// Adds the room server's routes and Collider's. `context` outlives the router.
void add_routes(server::Router& router, binding::Context& context, const Options& options);

}  // namespace sigway::dialects::apprtc
