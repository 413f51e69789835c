#pragma once

#include "entry/entry.h"
#include "http/exchange.h"

namespace sigway::longpoll {

/// `POST /v1/poll`, and `GET /v1/poll` for people. Thread: the shard that accepted the request.
void handle(entry::Context& context, http::Exchange& exchange);

}  // namespace sigway::longpoll
