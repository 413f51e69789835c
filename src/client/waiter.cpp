#include "client/waiter.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

namespace sigway::client {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

}  // namespace

Waiter::Waiter() : timer_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (timer_ < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
}

Waiter::~Waiter() { close(timer_); }

Time Waiter::now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Time(seconds(time.tv_sec) + nanoseconds(time.tv_nsec));
}

void Waiter::wait(std::optional<Time> until) const {
  itimerspec due{};  // nothing: never
  if (until) {
    const auto time = std::max(nanoseconds(1), nanoseconds(until->time_since_epoch()));
    due.it_value = {.tv_sec = time / seconds(1), .tv_nsec = (time % seconds(1)).count()};
  }
  // Setting it forgets an earlier expiry.
  timerfd_settime(timer_, TFD_TIMER_ABSTIME, &due, nullptr);
  std::array<pollfd, 2> wanted{{{wakeup_.descriptor(), POLLIN, 0}, {timer_, POLLIN, 0}}};
  poll(wanted.data(), wanted.size(), -1);
  wakeup_.clear();
}

}  // namespace sigway::client
