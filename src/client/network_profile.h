#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "client/cadence.h"
#include "client/client.h"
#include "client/failure.h"
#include "client/lives.h"
#include "client/round_trip.h"
#include "client/scheduler.h"

namespace sigway::client {

/// What a connection knows of the network it is on: what worked, what died young, which rhythm it
/// bears, how slow it is. It outlives the sessions. No I/O. Thread: the client's. docs/client.md
/// has the figures.
class NetworkProfile {
 public:
  struct Hooks {
    std::function<void(std::string_view line)> journal;
    /// What is known by now, for recall() of the next one.
    std::function<void(const std::string& what)> keep;
  };
  /// What worked last, and how long it took until it did.
  struct Known {
    Transport transport;
    Duration proof;
  };

  NetworkProfile(const Scheduler& scheduler, Hooks hooks);

  Cadence& cadence() noexcept { return cadence_; }
  RoundTrip& trips() noexcept { return trips_; }
  const RoundTrip& trips() const noexcept { return trips_; }
  const Lives& lives() const noexcept { return lives_; }

  /// What another connection kept. Whatever of it makes no sense is ignored.
  void recall(const std::string& what);
  /// The transport to begin with; nothing where the network is not known.
  std::optional<Known> known() const;
  /// Whether it has proved itself, and has not failed since.
  bool is_trusted(Transport transport) const { return trusted_.contains(transport); }
  /// Times as long for an answer: more than 1 where the line seems to be slow.
  int slack() const noexcept { return slack_; }
  /// For how long an answer may stand behind what is on its way already, by what the line was seen
  /// to carry.
  Duration queue() const noexcept { return queue_; }

  /// A sentence of the cadence's, or nothing.
  void learnt(const std::string& lesson);
  /// It carries the traffic now, after so long. No `proof`: it did before, and was renewed.
  void worked(Transport transport, std::optional<Duration> proof);
  /// So many bytes of one answer came in that time.
  void came(std::size_t bytes, Duration time);
  /// A deadline has ended a round. `is_heard`: something came, the line is slow and not dead.
  void late(bool is_heard);
  /// Nothing carries yet, though the server was heard: the line may be slow, and carry several
  /// copies of the same events.
  void found_slow();
  /// A transport has carried for a minute: by now round trips tell how slow the line is.
  void found_steady() noexcept { slack_ = 1; }
  /// An attempt did not come about.
  void failed(Transport transport, const Failure& failure);
  /// The active carrier was cut by something on the way. `silence`: for how long nothing had come
  /// by it. `heartbeat`: what the server had promised it.
  void died(Transport transport, const Failure& failure, Duration age, Duration silence,
            Duration heartbeat);
  /// It has ended otherwise, at that age.
  void ended(Transport transport, Duration age, Duration heartbeat);
  /// Nothing worked in a whole round: nobody is to blame, and nothing is learnt from it.
  void outage();
  /// To be called now and then.
  void relax() { learnt(cadence_.relax()); }

 private:
  void keep();
  /// Says so; nothing where `term` is 0.
  void set_aside(Transport transport, std::string_view why, Duration term);

  const Hooks hooks_;
  Cadence cadence_;
  RoundTrip trips_;
  Lives lives_;
  std::set<Transport> trusted_;
  std::optional<Known> known_;
  int slack_ = 1;
  Duration queue_{0};
};

}  // namespace sigway::client
