#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "client/backoff.h"
#include "client/client.h"
#include "client/failure.h"
#include "client/lives.h"
#include "client/scheduler.h"

namespace sigway::client {

/// What the race has done.
class RaceHost {
 public:
  /// Begins an attempt. `take_over`: activated with its attach.
  virtual void start_attempt(Transport transport, bool take_over) = 0;
  virtual void activate_attempt(Transport transport) = 0;
  virtual void drop_attempt(Transport transport) = 0;
  /// Nothing works: an outage, which says nothing about a transport. The race rests.
  virtual void exhausted(const Failure& failure) = 0;
  virtual Duration round_trip() const = 0;
  /// The shortest that was measured; nothing before one was.
  virtual std::optional<Duration> least_round_trip() const = 0;
  /// See Session::patience().
  virtual Duration patience(Duration least, Duration unknown) const = 0;
  /// Whether something has answered that attempt, which proves nothing.
  virtual bool opened(Transport transport) const = 0;
  /// For how long nothing has come by that attempt; nothing if nothing ever did.
  virtual std::optional<Duration> silence(Transport transport) const = 0;
  /// Whether one connection is served at a time: a stream would leave none for uploads.
  virtual bool single() const = 0;
  virtual void journal(std::string_view line) = 0;

 protected:
  ~RaceHost() = default;
};

/// Decides which transport is tried when, and which one is to carry the events. No I/O: it is told
/// what became of its attempts. docs/decisions/ has a page on why. Thread: the client's.
///
/// Where nothing is known: polling and WebSocket at once, an event stream as soon as WebSocket is
/// not proved in time. What worked last goes alone, with a head start. The first that is proved is
/// activated and carries the events; better ones go on, take over when they are proved, and are
/// looked for again later with growing pauses. One that dies young twice is set aside for a minute,
/// then two, then four, ten at the most. docs/client.md has the figures.
class Race {
 public:
  Race(Scheduler& scheduler, const Random& random, RaceHost& host, Transport wanted);

  /// That worked on this network a while ago, and took `proof` to prove itself. Before begin().
  void recall(Transport transport, Duration proof);
  /// What proving itself took the last time that it did; nothing before.
  Duration proof(Transport transport) const { return at(transport).proof; }

  // -- There is no active carrier.
  void begin();
  // -- What became of attempts.
  void attached(Transport transport);
  void proved(Transport transport);
  void activated(Transport transport);
  void failed(Transport transport, const Failure& failure);
  /// The active one has ended. `heartbeat`: what the server had promised it. `is_mended`: what
  /// killed it will not kill the next one. Call begin() when the pause is over.
  void lost(Transport transport, Duration age, const Failure& failure, Duration heartbeat,
            bool is_mended);
  /// A fresh carrier of the active transport, before this one is cut.
  void renew();
  /// The active one needs what the attempts take: they are called off, and tried again later.
  void narrow();
  /// The network may be another one: better transports are looked for at once.
  void look_again();
  /// Gives up all attempts.
  void rest();

  /// Times as long for an answer: more than 1 where the line seems to be slow.
  int slack() const noexcept { return slack_; }

  bool resting() const noexcept { return !running_ && !active_; }

 private:
  enum class State { idle, waiting, running, proved, activating, failed };
  struct Standing {
    State state = State::idle;
    bool renewal = false;  // the attempt is for a fresh carrier of the active transport
    bool known = false;    // has worked
    bool attached = false;
    bool again = false;  // its activation has had its time once
    Time begun{};
    Duration proof{0};
    std::optional<Scheduler::Id> deadline;
  };

  static std::size_t index(Transport transport) { return static_cast<std::size_t>(transport) - 1; }
  Standing& at(Transport transport) { return standings_[index(transport)]; }
  const Standing& at(Transport transport) const { return standings_[index(transport)]; }
  bool allowed(Transport transport) const;
  bool spared(Transport transport) const;  // it is not tried, though it is allowed
  bool better(Transport transport) const;  // than the active one
  bool is_under_way(Transport transport) const;
  void start(Transport transport, bool take_over = false);
  void conclude(Transport transport, State state);
  void start_waiting();
  /// It had no proof in time, unless something is just coming.
  void expire(Transport transport, Duration patience, Time latest);
  /// Within that time it is to be proved, or activated; longer while something comes.
  void expect(Transport transport, Duration patience);
  /// Takes the best that is proved, unless a better one is so near that a change of hands can be
  /// spared.
  void consider();
  /// Nothing carries yet: is the line slow?
  void look();
  /// On a slow line: gives up all others.
  void keep(Transport transport);
  /// Gives up what is not proved, for the sake of this one. Whether there was something.
  bool make_room(Transport transport);
  /// Calls the attempt off, if there is one.
  void give_up(Transport transport, std::string_view why);
  void late(bool is_heard);
  void activate(Transport transport);
  void settle();
  void probe_later();
  void probe();

  Scheduler& scheduler_;
  const Random& random_;
  RaceHost& host_;
  const Transport wanted_;
  Lives lives_;
  std::array<Standing, 3> standings_;  // websocket, sse, poll: the better ones first
  std::optional<Transport> active_;
  std::optional<Transport> favourite_;  // what worked last
  bool running_ = false;                // without an active one
  bool head_start_ = false;             // of the favourite
  bool grace_over_ = false;             // in this round
  Duration probe_pause_{5000};
  Time begun_{};
  int slack_ = 1;
  bool is_late_ = false, is_heard_ = false;  // in this round
  Failure last_;
  Timer others_;  // when those that wait may start
  Timer grace_;   // for a better one, while one is proved
  Timer probe_;
  Timer look_;
  Timer steady_;  // while one transport carries
};

}  // namespace sigway::client
