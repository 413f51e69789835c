#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "latencies.h"
#include "loop.h"
#include "member.h"
#include "options.h"
#include "payload.h"

namespace sigway::load {

/// What a scenario found: names and numbers, in the order in which they are shown.
using Figures = std::vector<std::pair<std::string, double>>;

/// All members of all rooms, and the ledger: every message has to reach every other member of its
/// room once, in order. Anything else throws. Scenarios derive from it.
class Hall : public Listener {
 public:
  explicit Hall(const Options& options);
  ~Hall() override;

  void ready(Member& member) override;
  void message(Member& member, const Stamp& stamp) override;

 protected:
  const Options& options() const { return options_; }
  Loop& loop() { return loop_; }
  std::size_t size() const { return members_.size(); }
  std::size_t index(const Place& place) const {
    return static_cast<std::size_t>(place.room) * options_.members + place.slot;
  }
  Member& member(std::uint32_t room, std::uint32_t slot) { return *members_[index({room, slot})]; }
  Member& member(std::size_t index) { return *members_[index]; }

  /// Opens all members, 64 at a time, and returns when all are ready.
  void open_all();
  /// A new client in the place of another one, not opened. The old one lives until the turn ends.
  Member& replace(const Place& place);

  void say(std::uint32_t room, std::uint32_t slot, Time due);
  /// A message has arrived, as it should.
  virtual void arrived(Member&, const Stamp&) {}
  /// Waits until all that was said has reached everybody.
  void drain();

  void start_measuring();
  /// Takes the CPU time of the server since then, and the seconds that have passed.
  void stop_measuring();
  /// Warms up, then measures for the time of the options, and on until `count` has counted.
  void measure(const std::uint64_t& count);
  double server_microseconds() const { return server_microseconds_; }
  double seconds() const { return seconds_; }
  bool is_measuring() const { return is_measuring_; }
  const std::uint64_t& delivered() const { return measured_; }
  Latencies& latencies() { return latencies_; }
  /// Rate, CPU time a delivery, latencies: of scenarios that relay messages.
  Figures relay_figures();

 private:
  void open_more();
  std::shared_ptr<Member> make(const Place& place);

  Options options_;
  Loop loop_;
  Payload payload_;
  std::vector<std::shared_ptr<Member>> members_;
  std::vector<std::uint32_t> said_;      // by each member
  std::vector<std::uint32_t> expected_;  // the number of the next message, for each member
  std::vector<bool> is_ready_;
  std::size_t opened_ = 0, ready_ = 0;
  bool is_opening_ = false;
  std::uint64_t said_in_all_ = 0, delivered_in_all_ = 0, measured_ = 0;
  bool is_measuring_ = false;
  std::uint64_t server_time_ = 0;
  Time start_;
  double server_microseconds_ = 0, seconds_ = 0;
  Latencies latencies_;
};

std::chrono::nanoseconds seconds_of(double seconds);

}  // namespace sigway::load
