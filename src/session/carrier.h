#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "session/end.h"
#include "session/outbox.h"

namespace sigway::session {

/// A way down that is attached to a session, as the session sees it: it writes, and it can be told
/// a few things. It has no read; what comes up reaches the session through `Session::process`. A
/// transport is one implementation.
///
/// Lifetime: owned by the session's slot for it. It outlives its connections: a poll carrier lives
/// between polls, a stream carrier may be cut and attached again. Thread: the session's shard,
/// where connections are only ids of other shards.
class Carrier {
 public:
  virtual ~Carrier() = default;

  /// A connection is gone. Returns false if the carrier does not know it.
  virtual bool detach(std::uint64_t connection) = 0;

  /// Whether somebody is there right now: a stream runs, a poll is parked.
  virtual bool connected() const = 0;

  /// Writes what this carrier has not written yet. Called at the end of a loop's turn, only while
  /// it receives.
  virtual void pump(Outbox& outbox) = 0;

  /// The carrier now gets the events; `fresh` if it stood by until now, so that it starts after
  /// what is acknowledged.
  virtual void activated(std::uint64_t turn, bool fresh, Outbox& outbox) = 0;

  /// The activation did nothing: `turn` is the highest seen.
  virtual void standby(std::uint64_t turn, const Outbox& outbox) = 0;

  /// The client confirmed this hello (docs/protocol.md, "Server-Sent Events"): the next one
  /// follows.
  virtual void hello_confirmed(std::uint64_t /*hello*/) {}

  /// Asks the client for any sign of life.
  virtual void probe() = 0;

  /// Something came from the client by this carrier or another.
  virtual void heard() {}

  /// A connection has room again: writes the controls that had to wait. Events follow by `pump`.
  virtual void drained() {}

  /// The session takes messages again, after `Session::takes_more` was false.
  virtual void takes_more() {}

  /// Ends every connection of the carrier. `retry` goes to the client, 0: none. Calls nothing back,
  /// and throws nothing: a connection for whose last words there is no memory is cut.
  virtual void end(End reason, base::Duration retry) = 0;

  /// When `on_timer` wants to be called; TimePoint::max() if never. Read after every call into the
  /// carrier.
  virtual base::TimePoint next_deadline() const = 0;
  /// Returns a reason if the session should end the carrier.
  virtual std::optional<End> on_timer(base::TimePoint now, Outbox& outbox) = 0;

  /// For a client that acknowledges nothing, for which sent means delivered: up to where the kernel
  /// has taken the events from all connections of this carrier; `Session::drained` follows when it
  /// has taken more. None: nobody is there, or sending delivers nothing.
  virtual std::optional<std::uint64_t> sent(const Outbox& /*outbox*/) { return std::nullopt; }
  /// How long a session that cannot resume outlives this carrier's last connection.
  virtual base::Duration linger() const { return {}; }
};

}  // namespace sigway::session
