#pragma once

#include <cstddef>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "dialects/command.h"
#include "dialects/event.h"

namespace sigway::dialects {

/// How a client behaves, as far as its session must know. A dialect has one value for each kind of
/// client that speaks it; they live as long as the program.
struct Traits {
  /// It acknowledges events by their numbers. Else what its connection has sent counts as
  /// delivered, until it acknowledges all the same.
  bool acknowledges = true;
  /// It activates a carrier when it has proved it. Else the first one that attaches is active.
  bool activates = true;
  /// It answers a probe, or its connection does. Else an open connection is taken for the answer.
  bool answers_probes = true;
  /// It can come back within `--resume-window` and go on. Else its session ends when it has been
  /// without a connection for `linger`, or for as long as its last carrier says.
  bool resumes = true;
  /// Its key may open another session once this one has ended, as if nobody had ever had it. Else a
  /// key that has ended is remembered with the reason, for a client that counts on its session.
  bool reuses_key = false;
  /// Without the room that it was opened for it is of no use: when the room is full, or the place
  /// is lost, the session ends.
  bool needs_room = false;
  /// It is of no use either when another one has got its place, or its name, because it could not
  /// be reached.
  bool ends_when_evicted = false;
  /// Without the name that it was opened for it is of no use: when somebody else holds the name, or
  /// gets it because its client could not be reached, the session ends.
  bool needs_name = false;
  /// To how many topics it may subscribe.
  std::size_t max_topics = 0;
  base::Duration linger{};
  /// Without acknowledgements: bytes of the latest events that are kept after they were sent, for a
  /// client that comes back and says what it has. No more than a 64th of the outbox.
  std::size_t replay = 0;
};

/// A codec between one client protocol and the commands and events that sessions and the bus deal
/// in. No I/O, no state; instances live as long as the program and are used by every shard at once.
class Dialect {
 public:
  virtual ~Dialect() = default;

  /// As settings and metrics call it: lower case letters.
  virtual std::string_view name() const noexcept = 0;

  /// Whether a client that logs in gets the mail that waits for its name before the answer to its
  /// login, so that it has all of it when it goes on. Else after it.
  virtual bool takes_mail_before_answer() const noexcept { return true; }

  /// Null: this dialect's clients are not told of that event.
  virtual EncodedEvent encode(const Event& event) const = 0;

  /// The text of one message that came in pieces; the message must have no number of its own. Asked
  /// only where the dialect's decoder yields a `Piece`.
  virtual std::variant<Command, Error> decode_message(std::string_view text) const;
};

}  // namespace sigway::dialects
