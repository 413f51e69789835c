#pragma once

#include <memory>

#include "binding/context.h"
#include "dialects/plain.h"
#include "plain/options.h"
#include "server/router.h"

namespace sigway::plain {

/// Serves the protocol at its path, and at `/` of the ports that name its dialect. `context` and
/// `protocol` outlive the router.
void add_routes(server::Router& router, binding::Context& context,
                const dialects::plain::Protocol& protocol, const Options& options);

}  // namespace sigway::plain
