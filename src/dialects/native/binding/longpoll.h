#pragma once

#include "binding/context.h"
#include "http/exchange.h"

namespace sigway::dialects::native {

/// `POST /v1/poll`, and `GET /v1/poll` for people. Thread: the shard that accepted the request.
void handle_poll(binding::Context& context, http::Exchange& exchange);

}  // namespace sigway::dialects::native
