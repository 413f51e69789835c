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

}  // namespace sigway::client
