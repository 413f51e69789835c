#pragma once

#include <chrono>

namespace sigway::base {

// The one clock of deadlines and intervals: monotonic, so a change of the machine's date moves
// nothing. Code that decides something by time takes a time_point as a parameter and never asks the
// clock itself; only the event loop reads it, once a turn.
using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;

}  // namespace sigway::base
