#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "bus/kept.h"
#include "bus/outlet.h"
#include "bus/refusals.h"
#include "dialects/command.h"
#include "session/switchboard.h"

namespace sigway::bus {

/// The name of the series that a room belongs to, or its own. Rooms of a series are called
/// `SERIES`, NUL and a number, which no client can say; they live where their series lives.
std::string_view series_of(std::string_view room) noexcept;

/// The rooms that live on one shard: who is in, who waits, what is said. docs/protocol.md, "Rooms"
/// and "Presence". Everything about a room happens here, one thing after the other, and that is its
/// order for all. Thread: its shard.
class Rooms {
 public:
  Rooms(Outlet& outlet, MailboxTotals& mailboxes) : outlet_(outlet), mailboxes_(mailboxes) {}

  void join(const session::Caller& caller, const dialects::Join& join, session::SessionId replaces,
            dialects::Re re);
  void leave(session::SessionId id, const std::string& room, std::string_view reason,
             const session::Answer& answer);
  void presence(session::SessionId id, const std::string& room, bool suspended, session::Tell tell);
  void look(const session::Caller& caller, const std::string& room, dialects::Re re);
  void renamed(session::SessionId id, const std::string& room, const std::string& name);
  /// The member says nothing more. When that is so of all, what they have said has been delivered.
  void drain(session::SessionId id, const std::string& room);
  /// `transit` counts the message on its way to other shards.
  void say(const session::Spoken& spoken, dialects::Say message, session::Transit* transit);

  std::size_t size() const noexcept { return rooms_.size(); }
  /// How many are in a room of this shard.
  std::size_t members(const std::string& room) const noexcept;

 private:
  struct Member {
    Recipient recipient;  // its address is the peer id
    std::string name;
    base::AddressKey address;
    std::uint64_t join = 0;
    bool suspended = false;           // decides whether the place is given to who asks
    bool told_suspended = false;      // what the members know
    bool drains = false;              // says nothing more
    std::unique_ptr<Kept> kept = {};  // null: nothing

    const std::string& peer() const noexcept { return recipient.address; }
  };
  struct Waiting {
    session::Caller caller;
    dialects::Re re = 0;
  };
  struct Room {
    std::string name;
    std::uint32_t capacity = 2;
    bool quiet = false;
    bool drains = false;      // a member is about to be sent away
    bool is_drained = false;  // and some may have been
    std::uint64_t next_join = 1;
    std::vector<Member> members;  // in the order of their join numbers
    // For the members' answers to a probe. An empty deque would have 512 bytes.
    std::list<Waiting> waiting;
    std::size_t probing = 0;  // answers outstanding
    std::uint64_t probe_round = 0;
  };

  static Member* find(Room& room, session::SessionId id) noexcept;
  static void add_others(const Room& room, session::SessionId but, std::vector<Recipient>& to);
  Room* find(const std::string& name) noexcept;
  /// The room of that series which is being filled, or the next one.
  std::string filling(const std::string& series);
  /// Nobody else comes into that room of a series.
  void close(const Room& room) noexcept;

  /// Tells all members but one what `make` returns, unless the room is quiet. Those whom it cannot
  /// tell end: they would know a room that is not so. False: some of them end.
  template <typename Make>
  bool tell_others(const Room& room, session::SessionId but, Make make) noexcept;
  void admit(Room& room, const Waiting& who);
  /// Tells the newest member what others have said while they were alone. False: it ends.
  bool hand_over_kept(const Room& room);
  void admit_next(Room& room);
  void refuse_waiting(Room& room);
  void refuse(const Room& room, const Waiting& who);
  /// Nobody can come in unless a member turns out not to be there.
  static bool is_taken(const Room& room) noexcept;
  void remove(Room& room, session::SessionId id, std::string_view reason);
  /// Takes the place away from somebody who is not there.
  void evict(Room& room, session::SessionId id);
  /// Why not, or nothing when it waits for whoever comes in next.
  std::optional<dialects::Error> keep(const Room& room, Member& member,
                                      const dialects::Say& message);
  /// Gives places to those who wait, as far as there are any; else asks the members whether they
  /// live.
  void serve_waiting(Room& room);
  void on_probed(const std::string& name, std::uint64_t round, session::SessionId member,
                 bool alive);
  /// Tells the members that everything has been delivered, if that is so.
  void end_drain(Room& room);
  void erase_if_empty(const std::string& name);

  Outlet& outlet_;
  base::Scratch<Recipient> recipients_;
  MailboxTotals& mailboxes_;
  Refusals refusals_;
  base::KeyedMap<Room> rooms_;
  base::KeyedMap<std::string> series_;  // the room that is being filled
  std::uint64_t next_of_series_ = 1;
  std::uint64_t next_round_ = 1;
};

}  // namespace sigway::bus
