#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/keyed_hash.h"
#include "base/memory_budget.h"

namespace sigway::dialects::socketio::rtcmulti {

/// An event that users hear, by their ids.
struct Notice {
  std::string event;
  std::string arguments;  ///< JSON, with commas between them
  std::vector<std::string> to;
};
using Notices = std::vector<Notice>;

/// Why something was refused, in the original's words; empty: it was not.
using Refusal = std::string_view;
inline constexpr Refusal kNoSuchRoom = "Room not available";
inline constexpr Refusal kWrongPassword = "Invalid password";
inline constexpr Refusal kRoomFull = "Room full";
inline constexpr Refusal kNoSuchUser = "User ID does not exist";
inline constexpr Refusal kNotTheOwner = "Room permission denied";
inline constexpr Refusal kInNoRoom = "Did not join any room yet";
inline constexpr Refusal kNoPassword = "This room do not have any password.";

/// Who is there, who has been in contact with whom, and the rooms: what a server of
/// RTCMultiConnection knows of its clients. They are known by the peer ids of their sessions, and
/// to each other by ids that they choose and may change.
///
/// Nothing here is sent: what others are to hear comes back as notices, which the caller's session
/// says to them by the bus. A user is here from `enter` to `leave`, which the end of its session
/// calls. It counts as present while it has a connection.
///
/// Bounded: a user is in one room at the most and has at most `kMostContacts` contacts; all texts
/// are bounded by the caller; no more is stored beyond `kMostBytes`, or while the memory budget is
/// exceeded. Thread: any; a lock guards all of it, for the length of a call.
class Registry {
 public:
  static constexpr std::size_t kMostContacts = 1024;
  static constexpr std::size_t kMostBytes = 64U << 20U;
  static constexpr std::size_t kMostListed = 64U << 10U;  ///< bytes of a list of rooms
  static constexpr std::size_t kMostLookedAt = 256;       ///< rooms, for a list
  static constexpr std::size_t kMostListeners = 16;

  Registry(base::MemoryBudget& budget, std::uint32_t room_capacity)
      : budget_(budget), capacity_(room_capacity) {}
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // -- Users

  struct Entrant {
    std::string id = {};
    std::string extra = {};          ///< JSON
    bool closes_rooms = false;       ///< a room ends when it leaves as its owner
    std::string message_event = {};  ///< by which it hears messages, each with its sender
  };
  /// The bus has given it the id. Whoever had it before is gone, and leaves now.
  void enter(const std::string& peer, Entrant entrant, Notices& notices);
  void leave(const std::string& peer, Notices& notices);
  /// The same without a word; needs no memory.
  void forget(const std::string& peer) noexcept;
  /// A connection has come, or gone.
  void connected(const std::string& peer) noexcept;
  void disconnected(const std::string& peer) noexcept;
  /// Takes another id; false: somebody has it.
  bool rename(const std::string& peer, const std::string& id);
  std::optional<std::string> id_of(const std::string& peer) const;
  bool has(const std::string& id) const;

  /// Its contacts and its room hear of it; `is_in_room`: itself, too.
  struct Updated {
    bool is_in_room = false;
    bool is_stored = true;
  };
  Updated set_extra(const std::string& peer, std::string extra, Notices& notices);
  std::optional<std::string> extra_of(const std::string& id) const;

  /// Two come into contact: from now on each hears when the other one is gone.
  struct Meeting {
    bool is_new = false;
    std::string extra;  ///< of the one who speaks
  };
  /// None: nobody has that id. `may_begin`: else they only stay in contact.
  std::optional<Meeting> meet(const std::string& peer, const std::string& id, bool may_begin);
  /// False: they were not in contact.
  bool part(const std::string& peer, const std::string& id);

  /// From now on it says events of that name to all others.
  bool listen(const std::string& peer, const std::string& event);
  bool listens(const std::string& peer, const std::string& event) const;
  /// Up to so many other users that may hear its event of that name: first those of its room, then
  /// its contacts, then any. Those to whom the event would be a message are left out: its sender
  /// could call itself what it likes.
  std::vector<std::string> others(const std::string& peer, std::string_view event,
                                  std::size_t most) const;

  // -- Rooms

  struct Wish {
    std::string room = {};
    std::string extra = {};       ///< JSON, of the client; in a new room also the room's
    std::string password = {};    ///< empty: none
    std::string session = {};     ///< JSON; empty: none. From here on for a new room only
    std::string identifier = {};  ///< of a public room; empty: none
    std::uint32_t most_participants = 0;
    bool one_way = false;  ///< participants meet the owner only, and it ends with the owner
  };
  /// Both leave the room that the client is in, also if they refuse.
  Refusal open(const std::string& peer, Wish wish, Notices& notices);
  Refusal join(const std::string& peer, Wish wish, Notices& notices);
  /// Its owner ends the room for all.
  Refusal close(const std::string& peer, Notices& notices);

  struct Presence {
    std::string extra;  ///< JSON, of the room
    bool is_full = false;
    bool has_password = false;
  };
  /// None: there is no such room, or nobody of it is present.
  std::optional<Presence> presence(const std::string& room) const;
  bool has_room(const std::string& room) const;
  std::optional<std::string> room_of(const std::string& peer) const;
  /// Whom one who asks to take part in its room has to meet.
  std::vector<std::string> askable(const std::string& peer) const;
  Refusal set_password(const std::string& peer, std::string password);
  Refusal check_password(const std::string& room, std::string_view password) const;
  /// The rooms with that identifier, as a JSON array.
  std::string list(const std::string& identifier) const;

  std::size_t users() const;
  std::size_t rooms() const;

 private:
  using Peers = std::unordered_set<std::string, base::KeyedHash, std::equal_to<>>;
  struct User {
    std::string id, extra, room, message_event;
    Peers contacts;
    std::vector<std::string> listens;
    std::size_t connections = 0;
    std::size_t counted = 0;
    bool closes_rooms = false;
  };
  struct Room {
    std::vector<std::string> participants;  // peers; the first is the owner
    std::string extra, session, identifier, password;
    std::size_t capacity = 0;
    std::size_t counted = 0;
    bool one_way = false;
  };
  using Users = base::KeyedMap<User>;
  using Rooms = base::KeyedMap<Room>;

  // All with the lock held.
  const User* find(const std::string& peer) const noexcept;
  User* find(const std::string& peer) noexcept;
  User* find_by_id(const std::string& id) noexcept;
  const std::string* peer_of(const std::string& id) const noexcept;
  std::vector<std::string> ids_of(const Peers& peers) const;
  bool is_present(const std::string& peer) const noexcept;
  bool lives(const Room& room) const noexcept;
  bool may_store(std::size_t more) const noexcept;
  void leave_room(const std::string& peer, User& user, Notices* notices);
  void close_room(Rooms::iterator room) noexcept;
  void make_room(Room& room) noexcept;
  void remove(const std::string& peer) noexcept;
  void take_leave(const std::string& peer, Notices& notices);
  static std::size_t cost_of(const User& user) noexcept;
  static std::size_t cost_of(const Room& room) noexcept;
  template <typename Entry>
  void recount(Entry& entry) noexcept;
  void release(std::size_t counted) noexcept;
  std::string row_of(const std::string& name, const Room& room) const;

  base::MemoryBudget& budget_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  Users users_;                                      // by peer
  base::KeyedMap<std::string> ids_;                  // to peers
  Rooms rooms_;                                      // by name
  base::KeyedMap<std::vector<std::string>> listed_;  // rooms by identifier
};

}  // namespace sigway::dialects::socketio::rtcmulti
