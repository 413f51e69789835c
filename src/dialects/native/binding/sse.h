#pragma once

#include "base/clock.h"
#include "binding/context.h"
#include "http/exchange.h"

namespace sigway::dialects::native {

struct SseOptions {
  base::Duration retry = std::chrono::seconds(1);  ///< for `EventSource`
};

/// `/v1/sse` in its three forms (docs/protocol.md, "Server-Sent Events"): POST with the request as
/// body, GET with a ticket, GET of a person. Thread: the shard that accepted the request.
void handle_sse(binding::Context& context, const SseOptions& options, http::Exchange& exchange);

}  // namespace sigway::dialects::native
