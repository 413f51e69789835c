#pragma once

#include <chrono>

#include "base/clock.h"
#include "websocket/connection.h"

namespace sigway::dialects::apprtc {

struct Options {
  websocket::Options websocket = {};
  /// Longest wait for `register` on a WebSocket. Clients open it while they wait for the answer to
  /// their join, which may have to wait for a probe.
  base::Duration register_timeout = std::chrono::seconds(20);
};

}  // namespace sigway::dialects::apprtc
