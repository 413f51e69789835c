#include "net/shard.h"

#include <csignal>

#include <asio/post.hpp>

#include <algorithm>
#include <utility>

#include "net/connection_limits.h"
#include "net/loop.h"

namespace sigway::net {

namespace {

constexpr std::size_t kScratchBytes = 64 * 1024;
constexpr int kReadyPerTurn = 256;
// A turn's end may make work for itself (on_closed writes to another connection). What is left
// after so many rounds waits for the next turn, so that sockets get their share.
constexpr int kEndRounds = 16;
// How many idle connections that have something to read or to write after all are passed over in
// search of one to reclaim. It is done for each connection that comes, so it has to end.
constexpr std::size_t kBusyLookedAt = 64;
constexpr auto kLongestSleep = std::chrono::minutes(1);

thread_local const Shard* current_shard = nullptr;

}  // namespace

Shard::Shard(base::ShardIndex index)
    : index_(index),
      loop_(std::make_unique<Loop>()),
      now_(base::Clock::now()),
      wheel_(now_),
      scratch_(kScratchBytes) {
  // OpenSSL writes with write(2), which raises it when the peer is gone.
  std::signal(SIGPIPE, SIG_IGN);
}

Shard::~Shard() = default;

void Shard::post(std::function<void()> function) {
  bool wake = false;
  {
    const std::lock_guard lock(posted_mutex_);
    if (stopped_) return;
    wake = posted_.empty();
    posted_.push_back(std::move(function));
  }
  if (wake) asio::post(loop_->io, [] {});
}

void Shard::stop() {
  {
    const std::lock_guard lock(posted_mutex_);
    stopped_ = true;
  }
  asio::post(loop_->io, [] {});
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
  std::vector<std::function<void()>> unrun;
  {
    const std::lock_guard lock(posted_mutex_);
    unrun.swap(posted_);
  }
  unrun.clear();
  current_shard = nullptr;
}

void Shard::run_turn() {
  const bool has_more = !at_end_.empty() || !flushes_.empty() || !closed_.empty();
  base::Duration sleep = kLongestSleep;
  if (has_more) {
    sleep = base::Duration::zero();
  } else if (const auto next = wheel_.next_deadline()) {
    sleep = std::clamp<base::Duration>(*next - base::Clock::now(), base::Duration::zero(), sleep);
  }
  auto& io = loop_->io;
  int count = sleep > base::Duration::zero() ? static_cast<int>(io.run_one_for(sleep)) : 0;
  while (count < kReadyPerTurn && io.poll_one() != 0) ++count;

  now_ = base::Clock::now();
  std::vector<Loop::Ready> ready;
  ready.swap(loop_->ready);
  for (const auto& [id, for_writing, failed] : ready) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    if (for_writing) {
      found->second->on_writable(failed);
    } else {
      found->second->on_readable(failed);
    }
  }
  std::vector<std::function<void()>> functions;
  functions.swap(loop_->ready_functions);
  for (const auto& function : functions) function();
  run_posted();
  wheel_.advance(now_);
  end_turn();
  // Keep the capacity of the usual case, so that a busy turn allocates nothing.
  if (loop_->ready.empty()) {
    ready.clear();
    loop_->ready.swap(ready);
  }
}

void Shard::run_posted() {
  std::vector<std::function<void()>> functions;
  {
    const std::lock_guard lock(posted_mutex_);
    functions.swap(posted_);
  }
  for (const auto& function : functions) function();
}

void Shard::end_turn() {
  for (int round = 0; round < kEndRounds; ++round) {
    if (at_end_.empty() && flushes_.empty() && closed_.empty()) break;
    for (const auto& function : std::exchange(at_end_, {})) function();
    for (const ConnectionId id : std::exchange(flushes_, {})) {
      const auto found = connections_.find(id);
      if (found != connections_.end()) found->second->flush();
    }
    for (Connection* connection : std::exchange(closed_, {})) {
      connection->finish_close();
      connections_.erase(connection->id());
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
                         std::unique_ptr<ConnectionPermit> permit) {
  const ConnectionId id = next_id_++;
  auto owned = std::make_unique<Connection>(*this, id, std::move(stream), std::move(port),
                                            std::move(permit));
  Connection& connection = *owned;
  connections_.emplace(id, std::move(owned));
  connection.start(make(connection));
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

void Shard::bury(Connection& connection) { closed_.push_back(&connection); }

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
