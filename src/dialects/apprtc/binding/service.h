#pragma once

#include <atomic>
#include <cstdint>

#include "apprtc_binding/options.h"
#include "base/clock.h"
#include "binding/context.h"

namespace sigway::dialects::apprtc {

/// What `/status` counts. Thread: any.
struct Counters {
  std::atomic<std::uint64_t> open_sockets{0}, total_sockets{0}, socket_errors{0}, http_errors{0};
};

/// What all requests go by. Constant but for the counters; lives as long as the routes.
struct Service {
  Service(binding::Context& with, const Options& given) : context(with), options(given) {}

  binding::Context& context;
  const Options options;
  const base::TimePoint started = base::Clock::now();
  Counters counters = {};
};

}  // namespace sigway::dialects::apprtc
