#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address_key.h"
#include "base/keyed_hash.h"
#include "base/memory_budget.h"

namespace sigway::dialects::socketio::rtcmulti {

/// An event that users hear, by their ids.
struct Notice {
  std::string event;
  std::string arguments;  ///< JSON, with commas between them
  std::vector<std::string> to;
};
/// What others are to hear of one call or several.
struct Notices {
  std::vector<Notice> all = {};
  /// Names those of the last call to `Registry::said`; 0: that call made none.
  std::uint64_t ticket = 0;
};

/// Why something was refused, in the original's words; empty: it was not.
using Refusal = std::string_view;
inline constexpr Refusal kNoSuchRoom = "Room not available";
inline constexpr Refusal kWrongPassword = "Invalid password";
inline constexpr Refusal kRoomFull = "Room full";
inline constexpr Refusal kNoSuchUser = "User ID does not exist";
inline constexpr Refusal kNotTheOwner = "Room permission denied";
inline constexpr Refusal kInNoRoom = "Did not join any room yet";
inline constexpr Refusal kNoPassword = "This room do not have any password.";
/// Not the original's: its clients know "Room not available".
inline constexpr Refusal kCannotStore =
    "This server cannot store another room for clients of your address now. Close a room, or try "
    "again later.";

/// Who is there, who has been in contact with whom, and the rooms: what a server of
/// RTCMultiConnection knows of its clients. They are known by the peer ids of their sessions, and
/// to each other by ids that they choose and may change.
///
/// Nothing here is sent: what others are to hear comes back as notices, which the caller's session
/// says to them by the bus. The user keeps a copy until `said`, so that its session's end says them
/// if the bus has refused them. A user is here from `enter` to `leave`, which the end of its
/// session calls. It counts as present while it has a connection.
///
/// Bounded: a user is in one room at the most and has at most `kMostContacts` contacts; all texts
/// are bounded by the caller; no more is stored beyond `kMostBytes`, or `kMostOfAddress` for
/// clients of one address, or while the memory budget is exceeded. A room counts for whoever opened
/// it.
///
/// Errors: a call that throws std::bad_alloc has changed nothing. Thread: any; a lock guards all of
/// it, for the length of a call.
class Registry {
 public:
  static constexpr std::size_t kMostContacts = 1024;
  /// Contacts of one user that others have begun who were not in its room: all of them together,
  /// and those of one address.
  static constexpr std::size_t kMostStrangers = kMostContacts / 4 * 3;
  static constexpr std::size_t kMostStrangersOfAddress = kMostContacts / 4;
  static constexpr std::size_t kMostBytes = 64U << 20U;
  static constexpr std::size_t kMostOfAddress = kMostBytes / 4;
  static constexpr std::size_t kMostListed = 64U << 10U;  ///< bytes of a list of rooms
  static constexpr std::size_t kMostLookedAt = 256;       ///< users, for a custom event
  static constexpr std::size_t kMostListeners = 16;
  static constexpr std::size_t kMostAsked = 32;  ///< ids that the bus has not answered

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
    base::AddressKey address = {};   ///< for whose share it counts
  };
  /// The bus has given it the id. Whoever had it before is gone, and leaves now; if it has asked
  /// for another id meanwhile, it has that one. Nothing, if the peer is here already.
  void enter(const std::string& peer, Entrant entrant, Notices& notices);
  void leave(const std::string& peer, Notices& notices);
  /// The same without a word; needs no memory.
  void forget(const std::string& peer) noexcept;
  /// A connection has come, or gone.
  void connected(const std::string& peer) noexcept;
  void disconnected(const std::string& peer) noexcept;
  /// It asks the bus for another id, and is called so from now on; false: somebody has it, or too
  /// many were asked for. The ids before stay its own until the bus has answered.
  bool rename(const std::string& peer, const std::string& id);
  /// The bus has given it an id that it has asked for.
  void renamed(const std::string& peer, std::string_view id) noexcept;
  /// The bus has not. It is called as before. The id that it has not got, `id` or else the first
  /// that it has asked for; none: it had not asked for it.
  std::optional<std::string> not_renamed(const std::string& peer, std::string_view id) noexcept;
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
  std::optional<Meeting> meet(const std::string& peer, const std::string& id, bool may_begin,
                              Notices& notices);
  /// False: they were not in contact.
  bool part(const std::string& peer, const std::string& id, Notices& notices);

  /// From now on it says events of that name to all others.
  bool listen(const std::string& peer, const std::string& event);
  bool listens(const std::string& peer, const std::string& event) const;
  /// Up to so many other users that may hear its event of that name: first those of its room, then
  /// its contacts, then any of the first `kMostLookedAt`. Those to whom the event would be a
  /// message are left out: its sender could call itself what it likes.
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
    /// Participants meet the owner only. The room ends with the owner, who keeps its place if cut.
    bool one_way = false;
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

  /// The bus has taken the notices of that ticket.
  void said(std::string_view peer, std::uint64_t ticket) noexcept;

  std::size_t users() const;
  std::size_t rooms() const;

  /// Of that address; for tests.
  std::size_t bytes_of(base::AddressKey address) const;

 private:
  struct User;
  struct Room;
  /// What the clients of one address have stored.
  struct Account {
    base::AddressKey address;
    std::size_t bytes = 0;
    std::size_t entries = 0;  // users and rooms; without any the account goes
  };
  struct Contact {
    bool is_stranger = false;       // the other one has begun it from outside of the user's room
    bool is_own = false;            // the user has begun it, and its bytes count for the user
    base::AddressKey address = {};  // the other one's
  };
  struct Unsaid {
    std::uint64_t ticket = 0;
    std::vector<Notice> notices;
  };
  struct User {
    std::string_view peer;         // its key
    std::string id;                // that the bus has given
    std::list<std::string> asked;  // ids that the bus has not answered; the last is current
    std::string extra, message_event;
    std::vector<std::string> listens;
    std::unordered_map<User*, Contact> contacts;  // each is one of the other's, too
    std::size_t begun = 0;                        // of them, its own
    std::list<Unsaid> unsaid;
    Room* room = nullptr;
    Account* account = nullptr;
    std::size_t connections = 0;
    std::size_t counted = 0;
    bool closes_rooms = false;

    bool is_present() const noexcept { return connections != 0; }
    const std::string& current_id() const noexcept { return asked.empty() ? id : asked.back(); }
  };
  using Place = std::list<Room*>;
  /// The rooms with one identifier.
  struct Listing {
    Place living, dormant;
  };
  struct Room {
    std::string_view name = {};            // its key
    std::vector<User*> participants = {};  // the first is the owner
    std::size_t present = 0;               // of them; without any the room is dormant
    std::string extra = {}, session = {}, identifier = {}, password = {};
    Listing* listing = nullptr;  // of its identifier, if it has one
    Place::iterator place = {};  // in the listing
    Account* account = nullptr;
    std::size_t capacity = 0;
    std::size_t counted = 0;
    bool one_way = false;
  };
  /// What becomes of the room that a user leaves. None of it: it is in no room, or others own it.
  struct Departure {
    bool closes = false;
    const User* heir = nullptr;  // the next owner
  };
  /// Whether a user may join a room.
  struct Entrance {
    Refusal refusal = {};
    bool is_crowded = false;      // those who were cut have to give way
    const User* owner = nullptr;  // the next one, if the owner is among them
  };
  class Change;
  using Users = base::KeyedMap<User>;

  // All with the lock held.
  const User* find(std::string_view peer) const noexcept;
  User* find(std::string_view peer) noexcept;
  User* find_by_id(const std::string& id) const noexcept;
  Room* room_named(const std::string& name) noexcept;
  const Room* room_named(const std::string& name) const noexcept;
  void give_up_id(const User& user, std::string_view id) noexcept;
  void take_id(User& user, std::list<std::string>::iterator given) noexcept;
  static void announce_leave(const User& user, Change& change);
  void remove(User& user) noexcept;
  static bool is_stranger(const User& user, const User& other) noexcept;
  static bool may_meet(const User& user, const User& other) noexcept;
  void separate(User& user, User& other) noexcept;

  static Departure departure_of(const User& user) noexcept;
  static void announce_owner(const User& user, Departure departure, Change& change);
  template <typename IsOut>
  static void announce_end(const Room& room, const IsOut& is_out, Change& change);
  void depart(User& user, Departure departure) noexcept;
  static void appear(Room& room) noexcept;
  static void disappear(Room& room) noexcept;
  void vacate(Room& room) noexcept;
  void close_room(Room& room) noexcept;
  static Entrance entrance_of(const User& user, Departure departure, const Room* room,
                              const Wish& wish) noexcept;
  static bool keeps_place(const Room& room, const User& user) noexcept;
  static void make_room(Room& room) noexcept;
  static std::string row_of(const Room& room);

  Account& account_of(base::AddressKey address);
  void drop(Account& account) noexcept;
  bool may_store(const Account& account, std::size_t more) const noexcept;
  static std::size_t cost_of(const User& user) noexcept;
  static std::size_t cost_of(const Room& room) noexcept;
  template <typename Entry>
  void recount(Entry& entry) noexcept;
  template <typename Entry>
  void release(Entry& entry) noexcept;

  base::MemoryBudget& budget_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::unordered_map<base::AddressKey, Account> accounts_;
  // Entries of these tables never move: users and rooms know each other by their addresses.
  Users users_;                     // by peer
  base::KeyedMap<User*> ids_;       // also those that were asked for
  base::KeyedMap<Room> rooms_;      // by name
  base::KeyedMap<Listing> listed_;  // by identifier
};

}  // namespace sigway::dialects::socketio::rtcmulti
