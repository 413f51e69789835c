#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace sigway::client {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;
using Duration = std::chrono::milliseconds;

/// The client's clock and timers. Time stands still until advance() says what it is, so that a test
/// can turn it by hand. Thread: the client's.
class Scheduler {
 public:
  using Task = std::function<void()>;
  using Id = std::pair<Time, std::uint64_t>;

  explicit Scheduler(Time now) : now_(now) {}

  Time now() const noexcept { return now_; }

  Id after(Duration delay, Task task) {
    const Id id{now_ + delay, ++count_};
    tasks_.emplace(id, std::move(task));
    return id;
  }
  void cancel(const Id& id) { tasks_.erase(id); }

  /// When there is something to do next.
  std::optional<Time> next() const {
    if (tasks_.empty()) return std::nullopt;
    return tasks_.begin()->first.first;
  }

  /// Runs what is due, in its order. What that schedules for now runs as well. Where time has
  /// jumped it is the new time for all of them: nothing could be heard in between, so that each
  /// deadline that a task sets would seem to be missed.
  void advance(Time now) {
    now_ = std::max(now_, now);
    while (!tasks_.empty() && tasks_.begin()->first.first <= now_) {
      auto node = tasks_.extract(tasks_.begin());
      node.mapped()();
    }
  }

 private:
  Time now_;
  std::uint64_t count_ = 0;
  std::map<Id, Task> tasks_;
};

/// One thing to do later, given up with this object. Setting it again gives up what was set before.
class Timer {
 public:
  explicit Timer(Scheduler& scheduler) : scheduler_(scheduler) {}
  ~Timer() { stop(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void set(Duration delay, Scheduler::Task task) {
    stop();
    id_ = scheduler_.after(delay, [this, task = std::move(task)] {
      id_.reset();
      task();  // may set this timer again, or destroy it
    });
  }
  void stop() {
    if (id_) scheduler_.cancel(*std::exchange(id_, std::nullopt));
  }
  bool is_set() const noexcept { return id_.has_value(); }

 private:
  Scheduler& scheduler_;
  std::optional<Scheduler::Id> id_;
};

/// A deadline that waits on while something comes: `quiet()` of the JavaScript client.
class QuietTimer {
 public:
  explicit QuietTimer(Scheduler& scheduler) : scheduler_(scheduler), timer_(scheduler) {}

  /// Runs `task` once nothing has come for `patience`, and after `most` in any case. `silence`
  /// gives for how long nothing has come.
  void set(Duration patience, Duration most, std::function<Duration()> silence,
           Scheduler::Task task) {
    patience_ = patience;
    latest_ = scheduler_.now() + most;
    silence_ = std::move(silence);
    task_ = std::move(task);
    wait(patience);
  }
  void stop() { timer_.stop(); }

 private:
  void wait(Duration pause) {
    timer_.set(pause, [this] {
      const auto left = std::min(patience_ - silence_(),
                                 std::chrono::duration_cast<Duration>(latest_ - scheduler_.now()));
      if (left > Duration(0)) return wait(left);
      const auto task = std::move(task_);
      task();  // may set this timer again, or destroy it
    });
  }

  Scheduler& scheduler_;
  Timer timer_;
  Duration patience_{0};
  Time latest_{};
  std::function<Duration()> silence_;
  Scheduler::Task task_;
};

}  // namespace sigway::client
