#pragma once

#include <chrono>

#include "base/clock.h"
#include "base/rate_gate.h"

namespace sigway::plain {

struct Options {
  base::RateLimit noise = {};  ///< WebSocket frames that carry no message, of one connection
  base::Duration retry = std::chrono::seconds(1);  ///< for `EventSource`
};

}  // namespace sigway::plain
