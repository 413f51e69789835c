#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "dialects/error.h"
#include "dialects/payload.h"

namespace sigway::dialects {

/// Whom a message is for: a member of the room by its peer id, or whoever holds a name.
struct Address {
  enum class Kind : std::uint8_t { peer, name };
  Kind kind = Kind::peer;
  std::string value;  ///< without the `@` of a name

  bool operator==(const Address&) const = default;
};

struct Join {
  /// As many members as the server allows.
  static constexpr std::uint32_t kLargest = UINT32_MAX;

  std::string room;
  std::optional<std::uint32_t> capacity;
  /// `room` is a series: rooms that are filled one after the other, of which the session comes into
  /// the one that is being filled. A member that leaves a full one is not replaced.
  bool series = false;
  /// Of a room that is made now: nobody hears who comes and goes, so it may come and go as it
  /// likes. When the room is full, nobody has to show that it is there.
  bool quiet = false;
};
struct LeaveRoom {
  std::string room;
};
/// Ends the session.
struct Leave {};
struct Login {
  std::string name;
};
struct Logout {};
/// Anything that is delivered to others as it is.
struct Say {
  std::string type;
  std::vector<Address> to = {};  ///< empty: everybody else in the room
  std::optional<std::string> room = std::nullopt;
  Payload data = {};
  bool echo = false;  ///< to a whole room: its sender hears it as well
  bool store = true;  ///< to a name that nobody holds: it waits in the mailbox
  /// How long it waits there; none: as long as all mail does. With a lifetime of its own the sender
  /// is told when it expires unread (`event::Expired`), and what else of that kind waits there from
  /// the same sender expires with it: a part of it is of no use.
  std::optional<base::Duration> lifetime = std::nullopt;
  bool keep = false;  ///< to a room where nobody else is: it waits for whoever comes in next
};
/// What a dialect does when a client's session ends, if that depends on what is so then. Lies with
/// the session.
class LastWords {
 public:
  LastWords() = default;
  /// Also if nobody has asked: there was no memory, or no session any more.
  virtual ~LastWords() = default;
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;
  /// What is said to names. Called once, on the session's shard; once more if it has thrown
  /// std::bad_alloc.
  virtual std::vector<Say> take() = 0;
};
/// What is said to a name for the client when its session ends, however that happens (MQTT calls it
/// a will). A later one takes the place of an earlier one.
struct Will {
  std::string name = {};
  std::optional<Say> message =
      {};  ///< `to` that name; none: nothing any more, if it was to that name
  std::shared_ptr<LastWords> words = {};  ///< instead of the message
};

/// From then on the session hears what is published to the topic. Once is enough.
struct Subscribe {
  std::string topic;
};
struct Unsubscribe {
  std::string topic;
};
/// To all who have subscribed to the topic, its sender if it has. Anybody may publish; nobody is
/// told that there are no subscribers.
struct Publish {
  std::string topic;
  std::string type;
  Payload data = {};
};
/// Comes back to its sender alone, as something that nobody (`from`) has said.
struct Reply {
  std::string type;
  Payload data = {};
};
/// Takes its number, and does no more.
struct Nothing {};

/// How many are in a room now? A client need not be in it to ask.
struct Look {
  std::string room;
};

/// What a client can ask for, whatever dialect it speaks.
using Command = std::variant<Join, LeaveRoom, Leave, Login, Logout, Say, Will, Look, Subscribe,
                             Unsubscribe, Publish, Reply, Nothing>;

/// Bytes that it holds beside itself, for budgets.
std::size_t held_by(const Command& command) noexcept;
std::size_t held_by(const Error& error) noexcept;

/// A part of a message's text (docs/protocol.md, "Pieces").
struct Piece {
  std::string text;
  std::size_t at = 0;  ///< where it stands in the whole text; bytes
  std::size_t of = 0;  ///< length of the whole text; bytes, at least `at + text.size()`
};

/// One numbered message as decoded. A message that is wrong in itself is still *taken*: it carries
/// the refusal.
struct Message {
  std::optional<std::uint64_t> n;
  std::variant<Command, Piece, Error> content;

  /// Bytes that holding this message costs, for budgets.
  std::size_t cost() const noexcept;
};

}  // namespace sigway::dialects
