#include "world.h"

#include <algorithm>
#include <utility>

namespace sigway::model {
namespace {

// The same in each run, so that a seed repeats its run.
constexpr base::HashSecret kHomeSecret{};

}  // namespace

FakeRunner::FakeRunner(World& world, base::ShardIndex)
    : world_(world), wheel_(world.now_), ledger_(world.shared_.memory, [] {}) {}

void FakeRunner::run_on(base::ShardIndex shard, std::function<void()> task) {
  if (to.size() <= shard) to.resize(shard + 1);
  to[shard].push_back(std::move(task));
}

TimePoint FakeRunner::now() const { return world_.now_; }

World::World(std::uint64_t seed, base::ShardIndex shards, const session::Settings& settings)
    : random_(seed),
      shared_(settings, 1U << 30U, 0),
      exchange_(shared_, bus::MailboxSettings{}, kHomeSecret),
      info_{"model-server"},
      context_{shared_, info_, [](std::string_view room, base::ShardIndex count) {
                 return bus::home_of(room, count, kHomeSecret);
               }} {
  for (base::ShardIndex i = 0; i < shards; ++i)
    shards_.push_back(std::make_unique<Shard>(*this, i));
}

World::~World() {
  network_.clear();
  for (auto& shard : shards_) shard->runner.to.clear();
}

void World::after(base::Duration delay, std::function<void()> task) {
  network_.emplace(now_ + delay, std::move(task));
}

void World::on_shard(base::ShardIndex shard, std::function<void()> task) {
  runner(shard).run_on(shard, std::move(task));
}

bool World::run_shard_task() {
  // Any of the queues, each in its own order.
  std::vector<std::deque<std::function<void()>>*> ready;
  std::vector<base::ShardIndex> targets;
  for (auto& shard : shards_) {
    for (base::ShardIndex target = 0; target < shard->runner.to.size(); ++target) {
      if (shard->runner.to[target].empty()) continue;
      ready.push_back(&shard->runner.to[target]);
      targets.push_back(target);
    }
  }
  if (ready.empty()) return false;
  const auto pick = random(ready.size());
  auto task = std::move(ready[pick]->front());
  ready[pick]->pop_front();
  task();
  maybe_flush(*shards_[targets[pick]], false);
  return true;
}

void World::maybe_flush(Shard& shard, bool surely) {
  // A turn of a real loop runs one handler or several before it writes.
  if (!shard.runner.flush_requested || (!surely && chance(0.4))) return;
  shard.runner.flush_requested = false;
  shard.hub->flush();
}

bool World::step(TimePoint until) {
  ++steps_;
  if (chance(0.7) && run_shard_task()) return true;
  if (!network_.empty() && network_.begin()->first <= now_) {
    auto node = network_.extract(network_.begin());
    node.mapped()();
    return true;
  }
  if (run_shard_task()) return true;
  return pass_time(until);
}

bool World::pass_time(TimePoint until) {
  for (auto& shard : shards_) maybe_flush(*shard, true);
  if (std::any_of(shards_.begin(), shards_.end(), [](const auto& shard) {
        return std::any_of(shard->runner.to.begin(), shard->runner.to.end(),
                           [](const auto& q) { return !q.empty(); });
      })) {
    return true;
  }
  auto next = network_.empty() ? TimePoint::max() : network_.begin()->first;
  for (auto& shard : shards_) {
    if (const auto deadline = shard->runner.wheel().next_deadline())
      next = std::min(next, *deadline);
  }
  if (next > until) {
    now_ = std::max(now_, until);
    for (auto& shard : shards_) shard->runner.wheel().advance(now_);
    return false;
  }
  now_ = std::max(now_ + milliseconds(1), next);
  for (auto& shard : shards_) shard->runner.wheel().advance(now_);
  return true;
}

void World::run_for(base::Duration duration) {
  const auto until = now_ + duration;
  while (step(until)) {
  }
}

std::size_t World::sessions() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard->hub->size();
  return count;
}

std::size_t World::rooms() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard->node->rooms().size();
  return count;
}

std::size_t World::names() const {
  std::size_t count = 0;
  for (const auto& shard : shards_) count += shard->node->names().size();
  return count;
}

}  // namespace sigway::model
