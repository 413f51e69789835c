#pragma once

#include <atomic>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "apprtc_binding/options.h"
#include "base/clock.h"
#include "binding/context.h"
#include "websocket/port.h"

namespace sigway::dialects::apprtc {

/// What `/status` counts. Thread: any.
struct Counters {
  std::atomic<std::uint64_t> open_sockets{0}, total_sockets{0}, socket_errors{0}, http_errors{0};
};

/// What all requests go by. Constant but for the counters and `unregistered`; lives as long as the
/// routes. The shards' hubs are known by now.
struct Service {
  Service(binding::Context& with, const Options& given)
      : context(with), options(given), unregistered(with.shared.hubs.size()) {}

  binding::Context& context;
  const Options options;
  const base::TimePoint started = base::Clock::now();
  Counters counters = {};
  /// WebSockets that have not registered, by shard and by the number of their connection: no
  /// session tells them of a drain. Thread: that shard.
  std::vector<std::unordered_map<std::uint64_t, websocket::Port>> unregistered;
};

}  // namespace sigway::dialects::apprtc
