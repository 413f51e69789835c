#pragma once

#include <optional>

#include "client/scheduler.h"
#include "client/wire.h"

namespace sigway::client {

/// What the client's thread waits by. Its clock goes on while the machine sleeps (CLOCK_BOOTTIME),
/// so that what was due meanwhile is done as soon as it wakes; std::chrono::steady_clock and
/// condition variables stand still. Its times are for the scheduler alone. Thread: one waits, any
/// may wake it. Throws std::system_error where the system has no descriptors left.
class Waiter {
 public:
  Waiter();
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  static Time now();
  void wake() const { wakeup_.wake(); }
  /// Until it is woken, now or since the last wait, or that time has come.
  void wait(std::optional<Time> until) const;

 private:
  Wakeup wakeup_;
  int timer_;
};

}  // namespace sigway::client
