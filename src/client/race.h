#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "client/backoff.h"
#include "client/client.h"
#include "client/failure.h"
#include "client/network_profile.h"
#include "client/scheduler.h"

namespace sigway::client {

/// What the race has done.
class RaceHost {
 public:
  /// Begins an attempt. `take_over`: activated with its attach.
  virtual void start_attempt(Transport transport, bool take_over) = 0;
  virtual void activate_attempt(Transport transport) = 0;
  virtual void drop_attempt(Transport transport) = 0;
  /// There is no fresh carrier of the active transport, which goes on. `retry`: the next one not
  /// before that.
  virtual void renewal_failed(Duration retry) = 0;
  /// Nothing works: an outage, which says nothing about a transport. The race rests.
  virtual void exhausted(const Failure& failure) = 0;
  /// Whether something has answered that attempt, which proves nothing.
  virtual bool opened(Transport transport) const = 0;
  /// For how long nothing has come by that attempt; nothing if nothing ever did.
  virtual std::optional<Duration> silence(Transport transport) const = 0;
  /// Whether that attempt may have the only connection that is served: Carrier::stranded().
  virtual bool stranded(Transport transport) const = 0;
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
/// looked for again later with growing pauses. docs/client.md has the figures.
class Race {
 public:
  Race(Scheduler& scheduler, const Random& random, NetworkProfile& profile, RaceHost& host,
       Transport wanted);

  // -- There is no active carrier.
  void begin();
  // -- What became of attempts.
  void attached(Transport transport);
  void proved(Transport transport);
  void activated(Transport transport);
  void failed(Transport transport, const Failure& failure);
  /// The active one has ended, and the attempts beside it do, too. Call begin() when the pause is
  /// over.
  void lost();
  /// A fresh carrier of the active transport, before this one is cut.
  void renew();
  /// The active one needs what the attempts take: they are called off, and tried again later.
  void narrow();
  /// The network may be another one: better transports are looked for at once.
  void look_again();
  /// Gives up all attempts.
  void rest();

  bool resting() const noexcept { return !running_ && !active_; }

 private:
  enum class State { idle, waiting, running, proved, activating, failed };
  struct Standing {
    State state = State::idle;
    bool renewal = false;  // the attempt is for a fresh carrier of the active transport
    bool attached = false;
    bool again = false;  // its activation has had its time once
    Time begun{};
    std::optional<Duration> proof;  // the time that it took
    std::optional<Scheduler::Id> deadline;
  };

  static std::size_t index(Transport transport) { return static_cast<std::size_t>(transport) - 1; }
  Standing& at(Transport transport) { return standings_[index(transport)]; }
  const Standing& at(Transport transport) const { return standings_[index(transport)]; }
  bool allowed(Transport transport) const;
  bool spared(Transport transport) const;  // it is not tried, though it is allowed
  bool better(Transport transport) const;  // than the active one
  bool is_under_way(Transport transport) const;
  Duration age(const Standing& standing) const;
  void start(Transport transport, bool take_over = false);
  void conclude(Transport transport, State state);
  void start_next();
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
  /// Ends attempts that may have the only connection. Whether there was one.
  bool end_stranded();
  /// On a slow line: gives up all others.
  void keep(Transport transport);
  /// Gives up what is not proved, for the sake of this one. Whether there was something.
  bool make_room(Transport transport);
  /// Calls the attempt off, if there is one.
  void give_up(Transport transport, std::string_view why);
  void activate(Transport transport);
  /// Asks once more by a poll that was lost, while others are tried.
  void repeat_later();
  void settle();
  void probe_later();
  void probe();

  Scheduler& scheduler_;
  const Random& random_;
  NetworkProfile& profile_;
  RaceHost& host_;
  const Transport wanted_;
  std::array<Standing, 3> standings_;  // websocket, sse, poll: the better ones first
  std::optional<Transport> active_;
  bool running_ = false;     // without an active one
  bool grace_over_ = false;  // in this round
  Duration probe_pause_{5000};
  Time begun_{};
  bool is_late_ = false, is_heard_ = false;  // in this round
  Failure last_;
  Duration retry_{0};  // the longest that was asked for in this round
  int repeats_ = 0;    // of a poll that was lost, in this round
  Timer others_;       // when those that wait may start
  Timer repeat_;       // when a poll that was lost is asked again
  Timer grace_;        // for a better one, while one is proved
  Timer probe_;
  Timer look_;
  Timer steady_;  // while one transport carries
};

}  // namespace sigway::client
