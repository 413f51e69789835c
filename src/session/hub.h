#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/address_key.h"
#include "base/address_rates.h"
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "base/memory_budget.h"
#include "base/reserve.h"
#include "base/spares.h"
#include "base/timer_wheel.h"
#include "session/directory.h"
#include "session/quota.h"
#include "session/session.h"
#include "session/settings.h"
#include "session/successors.h"
#include "session/switchboard.h"

namespace sigway::session {

/// How a hub reaches its loop and the other shards. Implemented over net::Shard, and by the model
/// test's scheduler.
class Runner {
 public:
  virtual ~Runner() = default;
  /// Runs the task on that shard's thread, after what this thread asked of that shard before. Never
  /// inline.
  virtual void run_on(base::ShardIndex shard, std::function<void()> task) = 0;
  /// Sees to it that `Hub::flush` is called at the end of this turn.
  virtual void request_flush() noexcept = 0;
  virtual base::TimePoint now() const = 0;
  virtual base::TimerWheel& wheel() = 0;
  /// Where what this shard's sessions hold is counted. The loop calls its `relieve`.
  virtual base::MemoryLedger& ledger() = 0;
};

/// `runner.run_on` for what must not be lost: from the reserve if memory is short. Throws
/// std::bad_alloc, and posts nothing, if that does not suffice.
template <typename Task>
void post(Runner& runner, base::ShardIndex shard, Task task) {
  std::function<void()> posted;
  // An allocation that fails comes before the task is moved.
  base::retry_from_reserve([&] { posted = std::function<void()>(std::move(task)); });
  runner.run_on(shard, std::move(posted));
}

/// When who is told to come back because of a drain may do so.
inline constexpr base::Duration kDrainRetry = std::chrono::seconds(1);
/// For how long a drain waits for one client, at the most.
inline constexpr base::Duration kDrainPatience = std::chrono::seconds(2);

/// What a client hears whose address joins rooms, or changes names in them, too often
/// (`Shared::joins`).
dialects::Error too_many_joins();
/// The same for one room (`Shared::in_room`).
dialects::Error too_often_in_room();

/// What went by in one dialect. Counters for metrics.
struct Tally {
  const dialects::Dialect* dialect = nullptr;
  std::atomic<std::uint64_t> opened{0}, ended{0}, messages{0}, events{0};
};

/// What all shards' hubs share. Set up before the first session, outlives them all.
struct Shared {
  Shared(const Settings& with, std::size_t memory_limit, std::size_t sessions_per_address)
      : settings(with),
        directory(with.ended_key_memory, with.ended_keys),
        memory(memory_limit),
        addresses(sessions_per_address),
        joins({.per_second = with.join_rate, .burst = with.join_burst}),
        in_room(room_rate(with)),
        published(published_rate(with)) {}

  /// Counts a join of that room; the error if that is too much for the address. In which room of a
  /// series it will be only the series' home knows, which counts it there. Thread: any.
  std::optional<dialects::Error> take_join(std::string_view room, bool is_series,
                                           base::AddressKey from, base::TimePoint now) {
    if (!joins.take(from, now)) return too_many_joins();
    if (is_series) return std::nullopt;
    if (!take_in_room(room, from, now, kJoinEvents)) return too_often_in_room();
    return std::nullopt;
  }
  /// The room was full: its members were told nothing. Thread: any.
  void give_back_join(std::string_view room, base::AddressKey from) {
    in_room.give_back({base::keyed_hash(room) ^ from.value}, kJoinEvents);
  }
  /// Counts a message to so many subscribers of a topic: as many as a room has places cost nothing
  /// more than the message. False: that is too much for the address. Thread: any.
  bool take_published(base::AddressKey from, base::TimePoint now, std::size_t subscribers) {
    if (subscribers <= settings.max_room_capacity) return true;
    const auto limit = published_rate(settings);
    return published.take(from, now, std::min(static_cast<double>(subscribers), limit.burst));
  }
  /// Whether clients of that address may make the room tell so many events now. Thread: any.
  bool take_in_room(std::string_view room, base::AddressKey from, base::TimePoint now,
                    double events) {
    return in_room.take({base::keyed_hash(room) ^ from.value}, now, events);
  }

  Settings settings;
  Directory directory;
  base::MemoryBudget memory;
  Quota<base::AddressKey> addresses;  ///< sessions
  base::AddressRates joins;           ///< and changes of names in rooms
  base::AddressRates in_room;         ///< by room and address: what members are told
  base::AddressRates published;       ///< deliveries to the subscribers of large topics
  std::vector<class Hub*> hubs;       ///< by shard
  /// How sessions ended, by End; and what went by. Counters for metrics.
  std::array<std::atomic<std::uint64_t>, kEndCount> ends{};
  /// One for each dialect that is spoken; the first is that of all others. Set up before the first
  /// session.
  std::array<Tally, 16> tallies;

  Tally& tally(const dialects::Dialect* dialect) noexcept {
    for (auto& tally : tallies) {
      if (tally.dialect == dialect) return tally;
    }
    return tallies.front();
  }
};

/// The sessions of one shard. Thread: its shard, but for what says otherwise.
class Hub {
 public:
  Hub(base::ShardIndex shard, Shared& shared, Runner& runner);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// Must be called before the first session; the switchboard outlives the sessions.
  void connect(Switchboard& switchboard) noexcept { switchboard_ = &switchboard; }

  /// A request that opens has arrived at the shard that the directory named: makes the session, or
  /// finds it and checks that the contents agree. If it has ended meanwhile: `gone`, or, where the
  /// key may be used again, another session here, for which `find` takes the old serial, too.
  std::variant<Session*, dialects::Error> open(SessionId id, OpenContents contents);

  /// For connections: the session of that serial, or the one that `open` has made in its place.
  Session* find(std::uint64_t serial) noexcept;

  // -- What the bus does to sessions here. Serials that are not found are ignored (the session has
  // ended).

  /// Throws nothing: a session for whose event there is no memory ends.
  SendStatus deliver(std::uint64_t serial, const dialects::EncodedEvent& event, Origin origin,
                     const std::shared_ptr<const Postmark>& postmark, const Spoken& spoken);
  /// The name of that session is about to pass on: takes what was said to it and not acknowledged.
  /// Nothing if the session has ended, which has handed it over by itself.
  UnreadMail take_unread(std::uint64_t serial, const std::string& name);
  void refuse(std::uint64_t serial, dialects::Re re, dialects::Error error);
  /// A place for a session that has ended meanwhile goes back.
  void settle(SessionId id, const Settlement& settlement);
  void go_on(std::uint64_t serial);
  void probe(std::uint64_t serial, Probe how, std::function<void(bool)> answer);
  /// That session is about to be sent away: it hears which of its messages to names nobody here has
  /// acknowledged. Throws nothing.
  void report_unread(const Speaker& speaker) noexcept;
  void end(std::uint64_t serial, End reason);
  /// Memory was short for something that the session must hear: it ends at the end of the turn.
  void give_up(std::uint64_t serial) noexcept;

  /// End of the turn: carriers write, ended sessions go.
  void flush();

  /// Drains all sessions, spread evenly over `spread`, those of one room together, and takes no new
  /// session (see `draining`).
  void drain(base::Duration spread);
  bool draining() const noexcept { return draining_; }
  /// Whether the drain has sent everybody away. Thread: any.
  bool drained() const noexcept { return untold_.load(std::memory_order_acquire) == 0; }
  /// The same but for clients that are away, and for whom nothing waits any more. Thread: any.
  bool drained_of_present() const noexcept {
    return untold_.load(std::memory_order_acquire) <= absent_.load(std::memory_order_acquire);
  }
  /// `told` is called when a drain begins: for connections that belong to no session yet. Before
  /// the first session; what it refers to outlives the sessions.
  void when_draining(std::function<void()> told) { when_draining_.push_back(std::move(told)); }

  std::size_t size() const noexcept { return sessions_.size(); }

  // -- For sessions.

  Shared& shared() noexcept { return shared_; }
  const Settings& settings() const noexcept { return shared_.settings; }
  Switchboard& switchboard() noexcept { return *switchboard_; }
  Runner& runner() noexcept { return runner_; }
  base::TimePoint now() const { return runner_.now(); }
  /// How long a session may take to be rid of what was said to it before it is sent away. Another
  /// shard may have begun to drain first.
  base::Duration drain_patience() const noexcept {
    return draining_ ? std::min(kDrainPatience, drain_spread_) : kDrainPatience;
  }
  base::TimePoint drain_from() const noexcept { return drain_from_; }
  /// The session is to be sent away, but nobody is there.
  void absent() noexcept { absent_.fetch_add(1, std::memory_order_release); }
  /// The session is no longer to be sent away.
  void told(bool was_absent) noexcept {
    if (was_absent) absent_.fetch_sub(1, std::memory_order_release);
    if (draining_) untold_.fetch_sub(1, std::memory_order_release);
  }
  /// Memory for what waits in a session, which at rest holds none.
  Outbox::Spares& outbox_spares() noexcept { return outbox_spares_; }
  base::Spares<Taken, 1, 8>& command_spares() noexcept { return command_spares_; }
  /// The session has something to write.
  void touch(Session& session) noexcept;
  /// The session has ended itself.
  void bury(Session& session) noexcept;

 private:
  std::variant<Session*, dialects::Error> open_again(std::uint64_t ended, OpenContents contents);
  Session* make(SessionId id, OpenContents contents);
  /// For the bus: what it says to a session is for no successor.
  Session* find_exactly(std::uint64_t serial) noexcept;
  void pump(std::uint64_t serial);
  Session* find_dirty() noexcept;
  void drain_next();

  const base::ShardIndex shard_;
  Shared& shared_;
  Runner& runner_;
  Switchboard* switchboard_ = nullptr;
  Outbox::Spares outbox_spares_;  // before the sessions, which give back to it when they go
  base::Spares<Taken, 1, 8> command_spares_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Session>> sessions_;
  Successors successors_;
  std::vector<std::uint64_t> dirty_;
  bool is_dirty_beyond_ = false;     // there was no memory to put all dirty ones into the list
  std::unique_ptr<Session> buried_;  // a list, see Session::keep_buried

  bool draining_ = false;
  // Sessions that are still to be sent away. Before the drain: any but 0.
  std::atomic<std::size_t> untold_{1};
  std::atomic<std::size_t> absent_{0};  // of these
  std::vector<std::function<void()>> when_draining_;
  std::vector<std::uint64_t> to_drain_;  // the next one is the last
  std::size_t drain_total_ = 0;
  base::TimePoint drain_from_{};
  base::Duration drain_spread_{};
  base::Timer drain_timer_;
};

}  // namespace sigway::session
