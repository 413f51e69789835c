#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "base/memory_budget.h"
#include "base/timer_wheel.h"
#include "bus/home.h"
#include "bus/node.h"
#include "native_binding/entry.h"
#include "session/hub.h"

namespace sigway::testing {

/// A shard's loop without a thread: tasks in the order in which they came, time as it is set.
class ManualRunner final : public session::Runner {
 public:
  ManualRunner(std::vector<std::unique_ptr<ManualRunner>>& all, base::TimePoint& now,
               base::MemoryBudget& budget)
      : all_(all), now_(now), wheel_(now), ledger_(budget, [this] { tasks.emplace_back([] {}); }) {}

  void run_on(base::ShardIndex shard, std::function<void()> task) override {
    if (fails_at != 0 && --fails_at == 0) throw std::bad_alloc();
    all_[shard]->tasks.push_back(std::move(task));
  }
  void request_flush() noexcept override { flush_requested = true; }
  base::TimePoint now() const override { return now_; }
  base::TimerWheel& wheel() override { return wheel_; }
  base::MemoryLedger& ledger() override { return ledger_; }

  std::deque<std::function<void()>> tasks;
  bool flush_requested = false;
  /// There is no memory for the task of that number, from 1 on, that this shard posts from now on.
  /// 0: there is for all.
  int fails_at = 0;

 private:
  std::vector<std::unique_ptr<ManualRunner>>& all_;
  base::TimePoint& now_;
  base::TimerWheel wheel_;
  base::MemoryLedger ledger_;
};

/// A whole server without sockets: hubs, nodes and the entry, on so many shards. Nothing runs but
/// by `run`, `turn` and `advance`.
class World {
 public:
  struct Options {
    base::ShardIndex shards = 1;
    session::Settings settings = {};
    bus::MailboxSettings mailboxes = {};
    std::size_t memory = 1U << 30U;
    std::size_t sessions_per_address = 0;
  };

  /// The same in each run, so that rooms live on the same shards.
  static constexpr base::HashSecret kHomeSecret{};

  explicit World(base::ShardIndex shards = 1) : World(Options{.shards = shards}) {}
  explicit World(const Options& options)
      : shared(options.settings, options.memory, options.sessions_per_address),
        exchange(shared, options.mailboxes, kHomeSecret),
        context{shared, server, [](std::string_view room, base::ShardIndex shards) {
                  return bus::home_of(room, shards, kHomeSecret);
                }} {
    for (base::ShardIndex i = 0; i < options.shards; ++i) {
      runners_.push_back(std::make_unique<ManualRunner>(runners_, now_, shared.memory));
      hubs_.push_back(std::make_unique<session::Hub>(i, shared, *runners_[i]));
      nodes_.push_back(std::make_unique<bus::Node>(i, exchange, *runners_[i]));
      hubs_[i]->connect(*nodes_[i]);
    }
  }

  base::TimePoint now() const { return now_; }
  base::ShardIndex shards() const { return static_cast<base::ShardIndex>(runners_.size()); }
  session::Hub& hub(base::ShardIndex shard) { return *hubs_[shard]; }
  bus::Node& node(base::ShardIndex shard) { return *nodes_[shard]; }
  ManualRunner& runner(base::ShardIndex shard) { return *runners_[shard]; }

  /// One turn of one shard's loop: the tasks that it has now, then the flush, then what memory
  /// asks for.
  bool turn(base::ShardIndex shard) {
    auto& runner = *runners_[shard];
    auto tasks = std::exchange(runner.tasks, {});
    for (auto& task : tasks) task();
    bool busy = !tasks.empty();
    do {
      if (!std::exchange(runner.flush_requested, false)) continue;
      hubs_[shard]->flush();
      busy = true;
    } while (runner.ledger().relieve());
    return busy;
  }

  /// Until nobody has anything left to do, all but time.
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      for (base::ShardIndex i = 0; i < shards(); ++i) busy = turn(i) || busy;
    }
  }

  /// Time passes, with everything that is due on the way.
  void advance(base::Duration by) {
    run();
    const auto until = now_ + by;
    while (now_ < until) {
      auto next = until;
      for (const auto& runner : runners_)
        next = std::min(next, std::max(runner->wheel().next_deadline().value_or(until),
                                       now_ + base::TimerWheel::kTick));
      now_ = std::min(next, until);
      for (const auto& runner : runners_) runner->wheel().advance(now_);
      run();
    }
  }

  std::size_t sessions() const {
    std::size_t count = 0;
    for (const auto& hub : hubs_) count += hub->size();
    return count;
  }
  std::size_t rooms() const {
    std::size_t count = 0;
    for (const auto& node : nodes_) count += node->rooms().size();
    return count;
  }
  std::size_t topics() const {
    std::size_t count = 0;
    for (const auto& node : nodes_) count += node->topics().size();
    return count;
  }
  std::size_t names() const {
    std::size_t count = 0;
    for (const auto& node : nodes_) count += node->names().size();
    return count;
  }

  binding::ServerInfo server{"server-1"};
  session::Shared shared;
  bus::Exchange exchange;
  binding::Context context;

 private:
  // Away from zero, so that a time point that was never set shows itself.
  base::TimePoint now_{std::chrono::hours(1)};
  std::vector<std::unique_ptr<ManualRunner>> runners_;
  std::vector<std::unique_ptr<session::Hub>> hubs_;
  std::vector<std::unique_ptr<bus::Node>> nodes_;
};

}  // namespace sigway::testing
