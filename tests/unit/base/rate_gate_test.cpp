#include "base/rate_gate.h"

#include <doctest/doctest.h>

using namespace sigway::base;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

TEST_CASE("a gate that has refused says when it takes again, and is right to the nanosecond") {
  for (const RateLimit limit : {RateLimit{1, 4}, RateLimit{7, 1}, RateLimit{0.3, 20}}) {
    RateGate gate;
    TimePoint now{1h};
    for (int round = 0; round < 5; ++round) {
      while (gate.take(limit, 1, now)) {
      }
      const auto ready = gate.ready_at(limit, 1);
      REQUIRE(ready > now);
      CHECK_FALSE(gate.take(limit, 1, ready - 1ns));
      CHECK(gate.take(limit, 1, ready));
      now = ready + 100ms;
    }
  }
}
