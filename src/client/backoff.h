#pragma once

#include <algorithm>
#include <functional>

#include "client/scheduler.h"

namespace sigway::client {

/// From 0 to 1, without the latter.
using Random = std::function<double()>;

/// The pause before the next try after so many failures: full jitter, so that clients which were
/// cut together do not return together, and never nothing. 20 s at the most, or `most`.
inline Duration backoff(const Random& random, int failures, Duration base = Duration(500),
                        Duration most = Duration::max()) {
  constexpr Duration kLeast{50}, kMost{20'000};
  const auto span = std::min({most, kMost, base * (1 << std::clamp(failures, 0, 10))});
  return kLeast +
         Duration(static_cast<Duration::rep>(random() * static_cast<double>(span.count())));
}

/// After a first failure: most are a connection that was reset between two requests.
inline Duration soon(const Random& random) {
  return Duration(20 + static_cast<Duration::rep>(random() * 100));
}

}  // namespace sigway::client
