#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "client/body_limit.h"
#include "client/client.h"
#include "client/json.h"
#include "client/scheduler.h"

namespace sigway::client {

/// The rhythm that this network bears. Cuts teach how long silence and how long a response may last
/// here; then the next attach asks for shorter heartbeats, polls for shorter holds, streams are
/// renewed before they are cut, and padded where small blocks are held back. What was asked for is
/// taken back by half at a time, after undisturbed minutes. No I/O. docs/client.md has the figures.
///
/// A lesson is returned as a sentence for the journal; empty if nothing was learnt.
class Cadence {
 public:
  explicit Cadence(const Scheduler& scheduler);

  /// The server's own settings, from a welcome; what is asked for does not exceed them.
  void server_says(Duration hold, Duration heartbeat);

  // -- polls

  /// For how long a poll may be held.
  Duration hold() const;
  /// A poll was held for all of `asked`, and then answered.
  std::string poll_was_held(Duration asked);
  /// A poll was cut after so much of its hold.
  std::string poll_cut(Duration held);
  /// A request was lost without a word. A lost poll is missed when its hold is over: keep it short.
  std::string swallowed();

  // -- streams and WebSockets

  /// What to ask for with the next attach; absent: the server's own.
  std::optional<Duration> heartbeat() const noexcept { return learnt_.heartbeat; }
  /// One was cut at this age, after so much silence.
  std::string stream_cut(Transport transport, Duration age, Duration silence);
  /// An event stream was held back on the way.
  std::string stream_held_back();
  /// Bytes of padding after each burst on an event stream; 0 for none.
  std::size_t pad() const noexcept { return learnt_.pad; }
  /// The age at which to move to a fresh carrier, where carriers of this transport are cut at one.
  std::optional<Duration> renewal(Transport transport) const;

  // -- uploads

  const BodyLimit& body() const noexcept { return body_; }
  /// A body of this size was refused; `limit`: what the answer says that may pass, or 0.
  std::string body_refused(std::size_t size, std::size_t limit);
  std::string body_passed(std::size_t size);
  /// Whether one connection is served at a time; see Lines.
  bool single() const noexcept { return learnt_.single; }
  std::string served_singly();

  // -- all of it

  /// The whole network was away: what the last cut seemed to teach is taken back. False if
  /// nothing has happened since the last outage.
  bool forget();
  /// To be called now and then. After undisturbed minutes everything is tried a little wider.
  std::string relax();

  /// What to remember.
  Json learnt() const;
  /// What another client has learnt. Whatever of it makes no sense is ignored.
  void recall(const Json& learnt);

 private:
  using Lives = std::array<std::optional<Duration>, 2>;
  struct Learnt {
    std::optional<Duration> heartbeat;
    std::optional<Duration> hold;
    Lives life;  // after which a WebSocket, a stream is renewed
    std::size_t pad = 0;
    std::optional<std::size_t> body;
    bool single = false;

    bool operator==(const Learnt&) const = default;
  };
  // What was cut: by its transport, a poll in its hold.
  using Ages = std::pair<std::optional<Duration>, std::optional<Duration>>;

  Learnt now() const;
  void set(const Learnt& learnt);
  void disturbed();
  /// Notes the age. Whether the last two are so close that they have one cause.
  bool alike(Transport what, Duration age);
  Duration shortest(Transport what) const;
  std::optional<Duration>& life(Transport transport);

  const Scheduler& scheduler_;
  Learnt learnt_;
  BodyLimit body_;
  Duration server_hold_{25'000}, server_heartbeat_{25'000};
  std::map<Transport, Ages> ages_;
  bool is_blamed_ = false;        // the last cut was laid on silence
  bool is_lossy_ = false;         // the hold comes of requests that were lost
  int held_ = 0;                  // polls in a row, for as long as they may
  std::optional<Learnt> before_;  // to take a lesson back
  Time calm_since_;
};

}  // namespace sigway::client
