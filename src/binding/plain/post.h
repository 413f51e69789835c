#pragma once

#include "binding/context.h"
#include "http/exchange.h"
#include "plain/request.h"

namespace sigway::plain {

/// A POST: its body is one message, of the session with the key, or of a guest who is there for
/// that message only. Thread: the shard that accepted it.
void handle_post(binding::Context& context, const Protocol& protocol, http::Exchange& exchange,
                 const Query& query);

}  // namespace sigway::plain
