#pragma once

#include "binding/context.h"
#include "http/exchange.h"
#include "plain/request.h"

namespace sigway::plain {

/// A GET with `next=N`: the messages from number N on, as soon as there are some.
/// `{"key":"…","next":M,"messages":[…]}`: M is what to ask for then, and acknowledges what came
/// before. Thread: the shard that accepted it.
void handle_poll(binding::Context& context, const Protocol& protocol, http::Exchange& exchange,
                 const Query& query);

}  // namespace sigway::plain
