#pragma once

#include <array>
#include <optional>
#include <string>

#include "client/client.h"
#include "client/json.h"
#include "client/scheduler.h"

namespace sigway::client {

/// What this network lets last: how long a poll may be held, how long a stream may be silent, how
/// long a stream may live. Cuts teach shorter times, long lives relax them slowly. No I/O, no
/// clock.
class Cadence {
 public:
  /// What the server would do by itself.
  void server_says(Duration hold, Duration heartbeat);

  // -- polls

  /// For how long they may be held.
  Duration hold() const noexcept { return std::min(ceiling_.value_or(hold_), hold_); }
  /// One was held for all the time that it asked for and then answered.
  void poll_was_held(Duration asked);
  /// One was cut, `elapsed` after it was sent. Returns what was learned, a sentence; empty if that
  /// was nothing.
  std::string poll_cut(Duration asked, Duration elapsed);
  /// A request was lost without a word. A poll that is lost is missed when its hold is over, so
  /// that is to be short. Returns what was learned.
  std::string swallowed();

  // -- streams: websocket and sse

  /// What to ask for with the next attach; absent: the server's own.
  std::optional<Duration> heartbeat(Transport transport) const;
  /// A carrier was cut at that age, after that much silence. Returns what was learned.
  std::string stream_cut(Transport transport, Duration age, Duration silence);
  /// A carrier has lived so long without harm, and goes because it is to.
  void stream_lived(Transport transport, Duration age);
  /// An event stream was held back on the way. Returns what was learned.
  std::string stream_held_back();
  /// Bytes of padding to ask for on event streams; 0 for none.
  std::size_t pad() const noexcept { return pad_; }
  /// The age at which to move to a fresh carrier, where carriers of this transport are cut at one.
  std::optional<Duration> renewal(Transport transport) const;

  // -- connections

  /// Whether one connection is served at a time; see Lines.
  bool single() const noexcept { return single_; }
  /// It is. Returns what was learned.
  std::string served_singly();
  /// That is to be found out anew.
  void served_again() { single_ = false; }

  // -- from one client to the next

  Json learnt() const;
  /// What another one has learnt. Whatever of it makes no sense is ignored.
  void recall(const Json& learnt);

 private:
  struct Stream {
    std::optional<Duration> heartbeat;
    std::optional<Duration> last_cut;  // its age
    std::optional<Duration> renewal;
    int renewals = 0;  // without a cut
  };
  Stream& stream(Transport transport) { return streams_[transport == Transport::sse ? 1 : 0]; }
  const Stream& stream(Transport transport) const {
    return streams_[transport == Transport::sse ? 1 : 0];
  }

  Duration hold_{25'000};
  Duration heartbeat_{25'000};
  std::optional<Duration> ceiling_;  // of the hold, learned
  bool is_lossy_ = false;            // the ceiling comes of requests that were lost
  int held_ = 0;                     // in a row at the ceiling
  std::array<Stream, 2> streams_;
  std::size_t pad_ = 0;
  bool single_ = false;
};

}  // namespace sigway::client
