#pragma once

#include "binding/context.h"
#include "http/exchange.h"
#include "plain/options.h"
#include "plain/request.h"

namespace sigway::plain {

/// A GET that is neither a WebSocket nor a poll: an event stream. Each frame is one block, whose id
/// names session and number, so that an `EventSource` that was cut comes back by itself to what it
/// missed. Thread: the shard that accepted it.
void handle_stream(binding::Context& context, const Protocol& protocol, const Options& options,
                   http::Exchange& exchange, const Query& query);

}  // namespace sigway::plain
