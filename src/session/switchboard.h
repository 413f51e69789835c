#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dialects/command.h"
#include "dialects/event.h"
#include "session/ids.h"
#include "session/postmark.h"
#include "session/transit.h"

namespace sigway::dialects {
class Dialect;
}

namespace sigway::session {

/// A session as rooms and names know it.
struct Caller {
  SessionId id;
  std::string peer;
  std::string name;  ///< empty: none
  const dialects::Dialect* dialect = nullptr;
  base::AddressKey address = {};  ///< of its client
};

/// What is said to names: one message for all of them, and what counts it while it is on its way.
struct Letter {
  dialects::Say message;
  Parcel parcel;
  std::shared_ptr<const Speaker> speaker;
};

/// Whether and how a session is told that what it asked for has been done.
struct Answer {
  const dialects::Dialect* dialect = nullptr;  ///< none: it is not told
  dialects::Re re = 0;
};

/// When the members of a room hear of a change.
enum class Tell : std::uint8_t {
  now,
  later,  ///< the room goes by it at once; a call with `now` follows, and tells what is so then
};

/// How to find out whether a session is there.
enum class Probe : std::uint8_t {
  ask,   ///< its client, if it was silent for a moment
  look,  ///< whether it is suspended, without a word to its client
};

/// What a session asks of the bus: the narrow side of it that sessions see. Every call returns at
/// once and may be answered from another shard; results reach the session by `Hub::deliver`
/// (events) and `Hub::settle`. Calls of one session about one room, or one name, act in the order
/// they were made. Thread: the session's shard.
class Switchboard {
 public:
  virtual ~Switchboard() = default;

  /// Asks for a place. Settles. `replaces` names a session whose place, if it has one there, passes
  /// on at once.
  virtual void join(const Caller& caller, dialects::Join join, SessionId replaces,
                    dialects::Re re) = 0;
  /// Gives up a place, or a wish for one. Settles nothing.
  virtual void leave(SessionId id, const std::string& room, std::string_view reason,
                     Answer answer) = 0;
  /// The session has lost its last connection, or has one again. Its peers hear of it if that is
  /// not what they have heard last.
  virtual void presence(SessionId id, const std::string& room, bool suspended, Tell tell) = 0;
  /// Tells a session how many are in a room. Settles nothing.
  virtual void look(const Caller& caller, const std::string& room, dialects::Re re) = 0;
  /// The session's name has changed.
  virtual void renamed(SessionId id, const std::string& room, const std::string& name) = 0;

  /// Asks for a name, and gives the one in `caller` back for it. Settles.
  virtual void login(const Caller& caller, const std::string& name, SessionId replaces,
                     dialects::Re re) = 0;
  /// Gives a name back, or a wish for it. Settles nothing.
  virtual void logout(SessionId id, const std::string& name, Answer answer) = 0;

  /// The session is about to be sent away, and says nothing more in the room: the other members
  /// drain as well. Settles when all members have called this and what they had said has been
  /// delivered.
  virtual void drain_room(SessionId id, const std::string& room) = 0;
  /// The same for its name: what others say to it is refused from now on. Settles.
  virtual void drain_name(SessionId id, const std::string& name) = 0;
  /// The session has ended: gives back a name that it had or wanted, with what was said to that
  /// name and not acknowledged. Settles nothing. `transit` counts it on its way, as of `say`.
  virtual void hand_over(SessionId id, const std::string& name, UnreadMail unread,
                         Transit* transit) = 0;

  /// Says something in a room (`message.room` is set), which knows its members. `transit` counts it
  /// on its way to other shards; none: there is no other shard.
  virtual void say(Spoken spoken, dialects::Say message, Transit* transit) = 0;
  /// How many are in a room that lives on this shard; 0 for any other.
  virtual std::size_t members(const std::string& room) const = 0;
  /// Says something to a name.
  virtual void mail(const Caller& caller, const std::shared_ptr<const Letter>& letter,
                    const std::string& name, dialects::Re re) = 0;

  /// The session hears what is published to the topic. Settles nothing; a second time changes
  /// nothing.
  virtual void subscribe(const Caller& caller, const std::string& topic) = 0;
  virtual void unsubscribe(SessionId id, const std::string& topic) = 0;
  /// From all of these, at the end of the session.
  virtual void unsubscribe(SessionId id,
                           const std::shared_ptr<const std::vector<std::string>>& topics) = 0;
  /// Says something to those who have subscribed to `message.topic`.
  virtual void publish(const Caller& caller, dialects::Publish message, dialects::Re re,
                       Transit* transit) = 0;
};

/// The result of `join`, `login` and the drains, and what happens to a session unasked.
struct Settlement {
  enum class Kind : std::uint8_t {
    joined,
    not_joined,
    joins_too_often,  ///< not joined: its address joins that room of a series too often
    place_lost,
    logged_in,
    not_logged_in,
    name_lost,
    room_drains,   ///< a member is about to be sent away
    room_drained,  ///< what was said in the room has been delivered, and nothing follows
    name_drained,
  };
  Kind kind;
  std::string subject;  ///< the room or the name
};

}  // namespace sigway::session
