#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dialects/dialect.h"

/// Dialects that need no binding of their own (src/binding/plain/ serves them).
namespace sigway::dialects::plain {

/// What the address of a request asks for.
struct Entrance {
  std::string room = {};       ///< the session is in it as long as it lives; empty: in none
  std::uint32_t capacity = 0;  ///< of that room, if it is made now; 0: the usual
  bool series = false;         ///< the room is a series of rooms (`Join::series`)
  bool echo = false;           ///< the client hears what it says to the room
  std::string name = {};       ///< the session holds it as long as it lives; empty: none
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// A dialect whose client says one message a frame, gets frames, and numbers nothing. It is served
/// on all three transports (docs/dialects/README.md): a WebSocket, whose session ends with it; an
/// event stream or polls with uploads, whose session outlives a cut by half a minute.
///
/// Thread: any; instances live as long as the program and keep no state.
class Protocol {
 public:
  virtual ~Protocol() = default;

  virtual const Dialect& dialect() const noexcept = 0;

  /// "/login". All that lies below it belongs to the protocol as well if `has_rooms`.
  virtual std::string_view path() const noexcept = 0;
  virtual bool has_rooms() const noexcept { return false; }

  /// `room` is what follows `path()` and a slash, decoded; empty: nothing, also where the protocol
  /// is served at `/` of a port. Parameters that are not known are ignored: pages may have their
  /// own. Those that the binding takes for itself (`key`, `next`, `wait`, `n`) are there on a
  /// WebSocket only, where they mean nothing to it.
  virtual std::variant<Entrance, Error> entrance(std::string_view room,
                                                 const Parameters& parameters) const = 0;

  /// Bytes of the largest message that `decode` is asked for.
  virtual std::size_t max_message() const noexcept = 0;

  /// Whether a WebSocket on which more is said than the message rate allows is read more slowly.
  /// Else it is closed.
  virtual bool is_paced() const noexcept { return false; }

  /// Appends what the client asks for with one message. The last one appended is the one that an
  /// upload's number belongs to; nothing appended: the message is ignored.
  virtual void decode(const Entrance& entrance, Payload frame, std::vector<Message>& out) const = 0;

  /// A message as a JSON value, for a poll's answer.
  virtual void append_json(std::string& out, const Frame& frame) const = 0;

  /// What a GET hears that names no session and asks for neither a WebSocket, an event stream nor a
  /// poll, as text/plain. Empty: it gets an event stream.
  virtual std::string_view greeting() const noexcept { return {}; }

  /// Whether a client without a session may upload a message: it is there for that message only.
  /// Needs an `Entrance` with a room.
  virtual bool takes_guests() const noexcept { return false; }
};

/// To how many topics one session may subscribe. A page has a few for each document or room that it
/// shows.
inline constexpr std::size_t kMaxTopics = 1024;

/// How its clients behave: on a WebSocket; with a stream or polls; with one upload.
inline constexpr Traits kSocket{.acknowledges = false,
                                .activates = false,
                                .resumes = false,
                                .reuses_key = true,
                                .needs_room = true,
                                .needs_name = true,
                                .max_topics = kMaxTopics};
inline constexpr Traits kVisitor{.acknowledges = false,
                                 .activates = false,
                                 .answers_probes = false,
                                 .resumes = false,
                                 .reuses_key = true,
                                 .needs_room = true,
                                 .needs_name = true,
                                 .max_topics = kMaxTopics,
                                 .linger = std::chrono::seconds(30),
                                 .replay = 64U << 10U};
inline constexpr Traits kGuest{.acknowledges = false,
                               .activates = false,
                               .answers_probes = false,
                               .resumes = false,
                               .reuses_key = true,
                               .needs_room = true};

}  // namespace sigway::dialects::plain
