#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/scratch.h"
#include "base/shard_index.h"
#include "base/spares.h"
#include "base/timer_wheel.h"
#include "net/connection.h"
#include "net/poller.h"

namespace sigway::net {

// One event loop on one thread, and everything that lives on it. A turn of the loop is: wait, a
// share for each connection that had more to do than its last one, a bounded batch of posted
// functions, a bounded batch of ready handlers, a few disk steps, fire due timers, then the
// end-of-turn functions, then flush what connections have gathered, then bury the closed ones; at
// last holders of memory go, of the address that holds the most, if the budget is exceeded. Thread:
// as each method says; unsaid means the shard's own (the one in run(), or any single thread before
// run()).
//
// An allocation that fails (std::bad_alloc) ends the connection in whose name the code ran. A
// posted function, a timer or an end-of-turn function that throws it is over; the loop goes on.
class Shard {
 public:
  // `budget` outlives the shard. All shards of a budget are made before one of them runs.
  Shard(base::ShardIndex index, base::MemoryBudget& budget);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  base::ShardIndex index() const { return index_; }  // any thread

  // Runs `function` on the shard's thread in a coming turn. Functions posted by one thread run in
  // the order of posting, and before what is read that was sent after the post, unless many wait.
  // After stop() they are destroyed unrun. Any thread.
  void post(std::function<void()> function);

  // Runs until stop(). On return every connection has been closed (on_closed, reason shutdown) and
  // destroyed.
  void run();
  void stop();                     // any thread
  bool is_current_thread() const;  // any thread

  // For how long the turn that runs now has been running; zero between turns. Any thread.
  base::Duration busy_for(base::TimePoint now) const;
  // The longest turn that has ended since the last call. Any one thread.
  base::Duration take_longest_turn() {
    return base::Duration(longest_turn_.exchange(0, std::memory_order_relaxed));
  }
  // How many allocations have failed. Any thread.
  std::size_t failed_allocations() const {
    return failed_allocations_.load(std::memory_order_relaxed);
  }

  // What this shard holds for its clients.
  base::MemoryLedger& ledger() { return ledger_; }

  // Counts the turns of the loop.
  std::uint32_t turn() const { return turn_; }
  // The time at the beginning of this turn.
  base::TimePoint now() const { return now_; }
  base::TimerWheel& wheel() { return wheel_; }
  void schedule_in(base::Timer& timer, base::Duration delay) {
    wheel_.schedule(timer, now_ + delay);
  }

  // Runs `function` once at the end of this turn, before the flush.
  void at_end_of_turn(std::function<void()> function);

  // Runs `step`, which may wait for the disk, in a coming turn: a few of them in a turn, in the
  // order of queueing. A step reads a bounded amount, so a turn is never long because many files or
  // large ones are asked for.
  void queue_disk_step(std::function<void()> step);

  // Sets what runs, before the flush, at the end of each turn in which it was requested. Once.
  void set_turn_end(std::function<void()> function) { turn_end_ = std::move(function); }
  void request_turn_end() noexcept { turn_end_requested_ = true; }

  // Null when there is no such connection, or it has closed.
  Connection* find(ConnectionId id);
  // Calls `action` with the connection, if it is there. What runs in the name of a connection goes
  // through this: an allocation that fails ends that connection, not what is going on around it.
  template <class Action>
  void run_for(ConnectionId id, Action&& action) {
    if (Connection* connection = find(id)) guard(*connection, [&] { action(*connection); });
  }
  std::size_t connection_count() const { return connections_.size(); }
  std::size_t idle_count() const { return idle_count_; }

  // Takes a connected, non-blocking socket; the handler is attached in this call. `peer` is the
  // address of its other end.
  Connection& adopt(std::unique_ptr<Stream> stream, std::shared_ptr<const PortInfo> port,
                    const std::function<std::unique_ptr<ConnectionHandler>(Connection&)>& make,
                    std::unique_ptr<ConnectionPermit> permit = nullptr, const Address& peer = {});

  // Closes up to `count` idle connections, those idle for longest first, and none that has output
  // left or input unread. Returns how many; their descriptors are free at the end of the turn.
  std::size_t reclaim_idle(std::size_t count);

  // Calls `visit` for each connection that has not closed; it may close them.
  void for_each_connection(const std::function<void(Connection&)>& visit);

  // For src/net alone.
  Poller& poller() { return poller_; }

 private:
  friend class Connection;

  void run_turn();
  bool has_more() const;
  void run_ready();
  void run_next_turns();
  void run_posted();
  void run_disk_steps();
  void end_turn();
  // Runs it; if it runs out of memory, that is counted, and ends the connection if there is one.
  template <class Function>
  void guard(Function&& function);
  template <class Function>
  void guard(Connection& connection, Function&& function);
  void bury(Connection& connection);
  void link_idle(Connection& connection);
  void unlink_idle(Connection& connection);
  std::span<std::uint8_t> scratch() { return scratch_; }

  const base::ShardIndex index_;
  Poller poller_;
  base::TimePoint now_;
  base::TimerWheel wheel_;
  std::vector<std::uint8_t> scratch_;

  base::MemoryLedger ledger_;
  std::uint32_t turn_ = 0;                       // counts the turns, for the shares of connections
  std::atomic<base::Clock::rep> turn_began_{0};  // 0: none runs
  std::atomic<base::Clock::rep> longest_turn_{0};
  std::atomic<std::size_t> failed_allocations_{0};

  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;  // guarded by posted_mutex_
  bool stopped_ = false;                       // guarded by posted_mutex_

  std::vector<std::function<void()>> due_;  // posted, and not run yet from `next_due_` on
  std::size_t next_due_ = 0;
  std::deque<std::function<void()>> disk_steps_;
  std::vector<ConnectionId> next_turn_;  // those that go on in the next turn
  std::vector<std::function<void()>> at_end_;
  // What these are exchanged for while they are worked through.
  base::Scratch<ConnectionId> spare_ids_;
  // For the output of connections, of which most have none: enough for all that write in a turn.
  base::Spares<base::Bytes, 64, 8> spare_queues_;
  base::Scratch<std::function<void()>> spare_functions_;
  std::function<void()> turn_end_;
  bool turn_end_requested_ = false;
  std::vector<ConnectionId> flushes_;
  // A list by `idle_next_`, which a closed one does not need otherwise: nothing that could fail.
  Connection* closed_ = nullptr;
  Connection* last_closed_ = nullptr;
  std::vector<std::unique_ptr<ConnectionHandler>> retired_;  // replaced ones, until the turn ends
  ConnectionId next_id_ = 1;
  Connection* idle_first_ = nullptr;
  Connection* idle_last_ = nullptr;
  std::size_t idle_count_ = 0;
  std::unordered_map<ConnectionId, std::unique_ptr<Connection>> connections_;
};

template <class Function>
void Shard::guard(Function&& function) {
  try {
    function();
  } catch (const std::bad_alloc&) {
    failed_allocations_.fetch_add(1, std::memory_order_relaxed);
  }
}

template <class Function>
void Shard::guard(Connection& connection, Function&& function) {
  try {
    function();
  } catch (const std::bad_alloc&) {
    failed_allocations_.fetch_add(1, std::memory_order_relaxed);
    connection.abort(CloseReason::memory);
  }
}

// All shards of a process, which outlive everything that refers to them by index.
using Shards = std::vector<std::unique_ptr<Shard>>;

}  // namespace sigway::net
