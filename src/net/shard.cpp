#include "net/shard.h"

#include <csignal>

#include <algorithm>
#include <utility>

#include "base/reserve.h"
#include "net/connection_limits.h"

namespace sigway::net {

namespace {

constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr std::size_t kReadyPerTurn = 256;
constexpr int kPostedPerTurn = 256;
constexpr std::size_t kMostDueKept = 4096;  // of the list's memory, in functions
constexpr int kDiskStepsPerTurn = 4;
// A turn's end may make work for itself (on_closed writes to another connection). What is left
// after so many rounds waits for the next turn, so that sockets get their share.
constexpr int kEndRounds = 16;
// How many idle connections that have something to read or to write after all are passed over in
// search of one to reclaim. It is done for each connection that comes, so it has to end.
constexpr std::size_t kBusyLookedAt = 64;
constexpr auto kLongestSleep = std::chrono::minutes(1);

thread_local const Shard* current_shard = nullptr;

}  // namespace

Shard::Shard(base::ShardIndex index, base::MemoryBudget& budget)
    : index_(index),
      poller_(kReadyPerTurn),
      now_(base::Clock::now()),
      wheel_(now_),
      scratch_(kScratchBytes),
      ledger_(budget, [this] { poller_.wake(); }) {
  // OpenSSL writes with write(2), which raises it when the peer is gone.
  std::signal(SIGPIPE, SIG_IGN);
}

Shard::~Shard() = default;

void Shard::post(std::function<void()> function) {
  bool must_wake = false;
  {
    const std::lock_guard lock(posted_mutex_);
    if (stopped_) return;
    must_wake = posted_.empty();
    base::retry_from_reserve([&] { posted_.push_back(std::move(function)); });
  }
  if (must_wake) poller_.wake();
}

void Shard::stop() {
  {
    const std::lock_guard lock(posted_mutex_);
    stopped_ = true;
  }
  poller_.wake();
}

base::Duration Shard::busy_for(base::TimePoint now) const {
  const auto began = turn_began_.load(std::memory_order_relaxed);
  if (began == 0) return base::Duration::zero();
  return std::max(base::Duration::zero(), now.time_since_epoch() - base::Duration(began));
}

bool Shard::is_current_thread() const { return current_shard == this; }

void Shard::run() {
  current_shard = this;
  const auto is_stopped = [this] {
    const std::lock_guard lock(posted_mutex_);
    return stopped_;
  };
  while (!is_stopped()) run_turn();

  while (!connections_.empty()) {
    for (const auto& [id, connection] : connections_) {
      if (connection->state_ != Connection::State::closed) connection->abort(CloseReason::shutdown);
    }
    end_turn();
  }
  end_turn();
  // Destroyed outside the lock: what they hold may want to post.
  std::exchange(due_, {}).clear();
  next_due_ = 0;
  std::exchange(disk_steps_, {}).clear();
  std::vector<std::function<void()>> unrun;
  {
    const std::lock_guard lock(posted_mutex_);
    unrun.swap(posted_);
  }
  unrun.clear();
  current_shard = nullptr;
}

bool Shard::has_more() const {
  return turn_end_requested_ || !at_end_.empty() || !flushes_.empty() || closed_ != nullptr ||
         !next_turn_.empty() || next_due_ < due_.size() || !disk_steps_.empty() ||
         ledger_.must_relieve();
}

void Shard::run_turn() {
  base::Duration sleep = kLongestSleep;
  if (has_more()) {
    sleep = base::Duration::zero();
  } else if (const auto next = wheel_.next_deadline()) {
    sleep = std::clamp<base::Duration>(*next - base::Clock::now(), base::Duration::zero(), sleep);
  }
  poller_.wait(sleep);

  now_ = base::Clock::now();
  ++turn_;
  turn_began_.store(now_.time_since_epoch().count(), std::memory_order_relaxed);
  run_next_turns();  // first, for `run_ready` adds to them
  // Whoever has heard that something was taken on another shard, and then sends something here,
  // comes after it.
  run_posted();
  run_ready();
  run_disk_steps();
  guard([&] { wheel_.advance(now_); });
  end_turn();
  turn_began_.store(0, std::memory_order_relaxed);
  const auto took = (base::Clock::now() - now_).count();
  // Another thread only ever sets it back to zero.
  if (took > longest_turn_.load(std::memory_order_relaxed))
    longest_turn_.store(took, std::memory_order_relaxed);
}

void Shard::run_ready() {
  bool is_left = true;
  while (is_left) guard([&] { is_left = poller_.dispatch(); });
}

void Shard::run_next_turns() {
  if (next_turn_.empty()) return;
  auto ids = spare_ids_.take();
  ids->swap(next_turn_);
  for (const ConnectionId id : *ids) {
    run_for(id, [](Connection& connection) { connection.on_turn(); });
  }
}

void Shard::run_posted() {
  // What was posted while the rest of an earlier batch waited has used up its wake.
  const bool is_rest = next_due_ < due_.size();
  if (!is_rest) {
    due_.clear();
    if (due_.capacity() > kMostDueKept) due_ = {};
    next_due_ = 0;
    const std::lock_guard lock(posted_mutex_);
    due_.swap(posted_);
  }
  for (int count = 0; count < kPostedPerTurn && next_due_ < due_.size(); ++count) {
    // Destroyed when it has run, with what it holds.
    const auto function = std::move(due_[next_due_++]);
    guard(function);
  }
  if (is_rest && next_due_ == due_.size()) poller_.wake();
}

void Shard::run_disk_steps() {
  for (int count = 0; count < kDiskStepsPerTurn && !disk_steps_.empty(); ++count) {
    const auto step = std::move(disk_steps_.front());
    disk_steps_.pop_front();
    guard(step);
  }
}

void Shard::queue_disk_step(std::function<void()> step) { disk_steps_.push_back(std::move(step)); }

void Shard::end_turn() {
  for (int round = 0; round < kEndRounds; ++round) {
    if (!turn_end_requested_ && at_end_.empty() && flushes_.empty() && closed_ == nullptr) {
      bool is_relieved = false;
      guard([&] { is_relieved = ledger_.relieve(); });
      if (!is_relieved) break;
    }
    if (!at_end_.empty()) {
      auto functions = spare_functions_.take();
      functions->swap(at_end_);
      for (const auto& function : *functions) guard(function);
    }
    if (std::exchange(turn_end_requested_, false)) guard(turn_end_);
    auto flushes = spare_ids_.take();
    flushes->swap(flushes_);
    for (const ConnectionId id : *flushes) {
      const auto found = connections_.find(id);
      if (found == connections_.end()) continue;
      Connection& connection = *found->second;
      guard(connection, [&] { connection.flush(); });
    }
    for (Connection* connection = std::exchange(closed_, nullptr); connection != nullptr;) {
      Connection* const next = std::exchange(connection->idle_next_, nullptr);
      guard([&] { connection->finish_close(); });
      connections_.erase(connection->id());
      connection = next;
    }
  }
  std::exchange(retired_, {}).clear();
}

void Shard::at_end_of_turn(std::function<void()> function) {
  at_end_.push_back(std::move(function));
}

Connection* Shard::find(ConnectionId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return nullptr;
  return found->second->state_ == Connection::State::closed ? nullptr : found->second.get();
}

Connection& Shard::adopt(std::unique_ptr<Stream> stream, std::shared_ptr<const PortInfo> port,
                         const std::function<std::unique_ptr<ConnectionHandler>(Connection&)>& make,
                         std::unique_ptr<ConnectionPermit> permit, const Address& peer) {
  const ConnectionId id = next_id_++;
  auto owned = std::make_unique<Connection>(*this, id, std::move(stream), std::move(port),
                                            std::move(permit), peer);
  Connection& connection = *owned;
  connections_.emplace(id, std::move(owned));
  try {
    connection.start(make(connection));
  } catch (const std::bad_alloc&) {
    connections_.erase(id);  // nobody has seen it yet
    throw;
  }
  return connection;
}

std::size_t Shard::reclaim_idle(std::size_t count) {
  std::size_t closed = 0;
  std::size_t busy = 0;
  Connection* const last = idle_last_;
  for (Connection* connection = idle_first_;
       connection != nullptr && closed < count && busy < kBusyLookedAt;) {
    Connection* const next = connection == last ? nullptr : connection->idle_next_;
    if (connection->is_reclaimable()) {
      connection->abort(CloseReason::idle_reclaimed);  // unlinks it
      ++closed;
    } else {
      // To the end, or a few that do not read what they asked for would stand before all others.
      unlink_idle(*connection);
      link_idle(*connection);
      ++busy;
    }
    connection = next;
  }
  return closed;
}

void Shard::for_each_connection(const std::function<void(Connection&)>& visit) {
  for (const auto& [id, connection] : connections_) {
    if (connection->state_ != Connection::State::closed) visit(*connection);
  }
}

void Shard::bury(Connection& connection) {
  (closed_ != nullptr ? last_closed_->idle_next_ : closed_) = &connection;
  last_closed_ = &connection;
}

void Shard::link_idle(Connection& connection) {
  connection.idle_previous_ = idle_last_;
  connection.idle_next_ = nullptr;
  (idle_last_ ? idle_last_->idle_next_ : idle_first_) = &connection;
  idle_last_ = &connection;
  ++idle_count_;
}

void Shard::unlink_idle(Connection& connection) {
  Connection* const previous = connection.idle_previous_;
  Connection* const next = connection.idle_next_;
  (previous ? previous->idle_next_ : idle_first_) = next;
  (next ? next->idle_previous_ : idle_last_) = previous;
  connection.idle_previous_ = connection.idle_next_ = nullptr;
  --idle_count_;
}

}  // namespace sigway::net
