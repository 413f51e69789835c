#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address_key.h"
#include "base/clock.h"
#include "base/memory_budget.h"
#include "base/rate_gate.h"
#include "dialects/command.h"
#include "dialects/error.h"
#include "session/ids.h"
#include "session/postmark.h"
#include "session/spoken.h"
#include "session/subscriptions.h"
#include "session/switchboard.h"
#include "session/transit.h"

namespace sigway::session {

class Hub;

/// What one session has on the bus: its identity there, its rooms, its name, its topics, and what
/// it has said. A change of one place may concern another: every room hears of a new name. It
/// decides nothing about the session itself.
///
/// The calls to the bus may throw std::bad_alloc; the session then ends, and `end` gives back all
/// that it may have. Thread: the session's shard. Lifetime: a member of the session.
class Memberships {
 public:
  Memberships(Hub& hub, SessionId id);

  SessionId id() const noexcept { return id_; }
  const std::string& peer() const noexcept { return peer_; }
  /// Empty: none.
  const std::string& name() const noexcept { return name_; }
  /// Where it has a place.
  const std::vector<std::string>& rooms() const noexcept { return rooms_; }
  bool in_room(std::string_view room) const noexcept;
  /// Sets the room of a message that names none, if the session has exactly one. Otherwise returns
  /// why the message cannot go to its room.
  std::optional<dialects::Error> find_room(std::optional<std::string>& room) const;

  // -- Rooms and name. Each session asks for one place at a time, and hears of it by a settlement.

  void join(const Caller& caller, dialects::Join join, SessionId replaces, dialects::Re re);
  void joined(const std::string& room);
  /// A name that was lost while the join was pending has not reached the room.
  void tell_lost_name(const std::string& room);
  void not_joined() noexcept;
  void leave(const std::string& room, Answer answer);
  void place_lost(const std::string& room) noexcept { std::erase(rooms_, room); }

  void login(const Caller& caller, const std::string& name, SessionId replaces, dialects::Re re);
  void logged_in(const std::string& name);
  void not_logged_in() noexcept { logging_in_.clear(); }
  void logout(Answer answer);
  void name_lost();
  /// Whether a client of that address may log in or out now. Counts the attempt: each room tells
  /// its members.
  std::optional<dialects::Error> take_rename(base::AddressKey address);

  /// Tells these rooms, which are the session's own, whether it is suspended. `kPresenceRate`
  /// decides when the members hear of it: now, or at `tells_presence_at`.
  void tell_presence(std::span<const std::string> rooms, bool suspended);
  /// To be called at `tells_presence_at`: tells all rooms.
  void tell_late_presence(bool suspended);
  /// TimePoint::max(): there is nothing to tell.
  base::TimePoint tells_presence_at() const noexcept { return tell_presence_at_; }

  // -- Topics.

  /// `most`: to how many it may subscribe. `holder` is who holds them, the session.
  std::optional<dialects::Error> subscribe(const Caller& caller, const std::string& topic,
                                           std::size_t most, base::MemoryHolder& holder);
  void unsubscribe(const std::string& topic);

  // -- What it says.

  std::shared_ptr<const Speaker> speaker();
  /// Counts a message on its way to other shards; none: there are no others.
  Transit* transit();
  /// Whether a message of so many bytes may set out to other shards, or why not.
  std::optional<dialects::Error> may_set_out(std::size_t bytes);
  /// Whether all that it has said has arrived, or it has been told what has not.
  bool is_settled() const noexcept { return !speaker_ || speaker_.use_count() == 1; }

  // -- The end.

  /// Gives what was said to other names than this one to their homes, and takes it out of `unread`.
  void hand_over_others(UnreadMail& unread, const std::string& name) noexcept;
  /// Gives back the name that it has, and the one that it wants, with what was said to them.
  void hand_over_names(UnreadMail unread) noexcept;
  /// Gives back everything. `why` is for the peers.
  void end(std::string_view why, UnreadMail unread) noexcept;

 private:
  void tell_name();

  Hub& hub_;
  const SessionId id_;
  const std::string peer_;
  std::vector<std::string> rooms_;
  std::string joining_;  // the room whose answer is awaited
  std::string name_;
  std::string logging_in_;                        // the name whose answer is awaited
  std::unique_ptr<Subscriptions> subscriptions_;  // once it has subscribed to something
  std::shared_ptr<const Speaker> speaker_;        // once it has said something
  std::shared_ptr<Transit> transit_;  // once it has said something, if there are other shards
  base::RateGate presence_rate_;
  base::RateGate name_rate_;
  // When the rooms tell of a change of presence that came too early to be told; max: of none.
  base::TimePoint tell_presence_at_ = base::TimePoint::max();
  bool renamed_meanwhile_ = false;  // while `joining_` awaits its answer
};

}  // namespace sigway::session
