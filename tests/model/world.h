#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "base/timer_wheel.h"
#include "bus/home.h"
#include "bus/node.h"
#include "native_binding/entry.h"
#include "session/hub.h"

/// A whole server without sockets, on a clock that is turned by hand: shards are queues of tasks
/// that run in a random interleaving, the network is a queue of events with random delays. The same
/// seed gives the same run.
namespace sigway::model {

using base::TimePoint;
using std::chrono::milliseconds;

class World;

/// One shard's loop: tasks from each other shard stay in their order, everything else is up to
/// chance.
class FakeRunner final : public session::Runner {
 public:
  FakeRunner(World& world, base::ShardIndex shard);

  void run_on(base::ShardIndex shard, std::function<void()> task) override;
  void request_flush() noexcept override { flush_requested = true; }
  TimePoint now() const override;
  base::TimerWheel& wheel() override { return wheel_; }
  base::MemoryLedger& ledger() override { return ledger_; }

  bool flush_requested = false;
  std::vector<std::deque<std::function<void()>>> to;  // by target shard

 private:
  World& world_;
  base::TimerWheel wheel_;
  base::MemoryLedger ledger_;
};

class World {
 public:
  World(std::uint64_t seed, base::ShardIndex shards, const session::Settings& settings);
  ~World();

  // -- Chance
  std::uint64_t random(std::uint64_t below) { return below == 0 ? 0 : random_() % below; }
  bool chance(double probability) {
    return std::uniform_real_distribution<double>(0, 1)(random_) < probability;
  }
  base::ShardIndex any_shard() { return static_cast<base::ShardIndex>(random(shards_.size())); }

  // -- Time and network
  TimePoint now() const { return now_; }
  /// Runs it after so much time, in the order of times (and of calls, for equal times).
  void after(base::Duration delay, std::function<void()> task);
  /// One step: a task of a shard, or what the network brings next, or the passing of time to the
  /// next deadline. Returns false if nothing is left to happen before `until`.
  bool step(TimePoint until);
  void run_for(base::Duration duration);
  /// Runs it on that shard as if it came from the network there.
  void on_shard(base::ShardIndex shard, std::function<void()> task);

  session::Hub& hub(base::ShardIndex shard) { return *shards_[shard]->hub; }
  bus::Node& node(base::ShardIndex shard) { return *shards_[shard]->node; }
  FakeRunner& runner(base::ShardIndex shard) { return shards_[shard]->runner; }
  base::ShardIndex shard_count() const { return static_cast<base::ShardIndex>(shards_.size()); }
  session::Shared& shared() { return shared_; }
  binding::Context& context() { return context_; }
  std::uint64_t steps() const { return steps_; }

  std::size_t sessions() const;
  std::size_t rooms() const;
  std::size_t names() const;

 private:
  friend class FakeRunner;
  struct Shard {
    Shard(World& world, base::ShardIndex index)
        : runner(world, index),
          hub(std::make_unique<session::Hub>(index, world.shared_, runner)),
          node(std::make_unique<bus::Node>(index, world.exchange_, runner)) {
      hub->connect(*node);
    }
    FakeRunner runner;
    std::unique_ptr<session::Hub> hub;
    std::unique_ptr<bus::Node> node;
  };

  bool run_shard_task();
  void maybe_flush(Shard& shard, bool surely);
  bool pass_time(TimePoint until);

  std::mt19937_64 random_;
  TimePoint now_{std::chrono::hours(1)};
  std::uint64_t steps_ = 0;
  session::Shared shared_;
  bus::Exchange exchange_;
  binding::ServerInfo info_;
  binding::Context context_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::multimap<TimePoint, std::function<void()>> network_;
};

}  // namespace sigway::model
