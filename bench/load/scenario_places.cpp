// Scenarios about places in rooms: idle, open, churn, storm.
#include <vector>

#include "scenarios.h"
#include "usage.h"

namespace sigway::load {
namespace {

/// Members that have opened and say nothing.
class Idle final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    const auto before = resident_bytes(options().processes);
    open_all();
    // What is due within a second, such as acknowledgements, comes before the rest.
    loop().run_for(seconds_of(5 * options().settle));
    for (std::size_t i = 0; i < size(); ++i) member(i).rest();
    loop().run_for(seconds_of(options().settle));
    const auto bytes = static_cast<double>(resident_bytes(options().processes) - before);
    start_measuring();
    loop().run_for(seconds_of(options().seconds));
    stop_measuring();
    const auto count = static_cast<double>(size());
    return {{"members", count},
            {"bytes", bytes / count},
            {"cpu_us", server_microseconds() / seconds() / count}};
  }
};

/// Connect, session, join, ready.
class Open final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    start_measuring();
    open_all();
    stop_measuring();
    return {{"opens", static_cast<double>(size())},
            {"cpu_us", server_microseconds() / static_cast<double>(size())}};
  }
};

/// The second member of each room leaves and comes back, as a new client each time.
class Churn final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    open_all();
    is_churning_ = true;
    opened_.resize(options().rooms, Clock::now());
    for (std::uint32_t room = 0; room < options().rooms; ++room) member(room, 1).leave();
    measure(cycles_);
    is_churning_ = false;
    // Whoever has left comes back a last time: nobody is lost.
    loop().run_until([this] { return away_ == 0; }, std::chrono::seconds(60),
                     "a member does not come back");
    return {{"cycles", static_cast<double>(cycles_)},
            {"per_second", static_cast<double>(cycles_) / seconds()},
            {"cpu_us", server_microseconds() / static_cast<double>(cycles_)},
            {"p50_us", latencies().percentile(50)},
            {"p99_us", latencies().percentile(99)}};
  }

 private:
  void left(Member& member) override {
    const auto place = member.place();
    opened_[place.room] = Clock::now();
    ++away_;
    replace(place).open();
  }
  void ready(Member& member) override {
    if (!is_churning_ && away_ == 0) return Hall::ready(member);
    if (member.place().slot == 0) return;
    --away_;
    if (is_measuring()) {
      ++cycles_;
      latencies().add(Clock::now() - opened_[member.place().room]);
    }
    if (is_churning_) member.leave();
  }

  bool is_churning_ = false;
  std::uint64_t cycles_ = 0;
  std::uint32_t away_ = 0;
  std::vector<Time> opened_;
};

/// Clients that are connected ask for one room after another, each as soon as it has the one
/// before. Two clients ask for the same rooms: one creates, one joins.
class Storm final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    open_all();
    rounds_.resize(size());
    asked_.resize(size());
    for (std::size_t i = 0; i < size(); ++i) ask(member(i));
    measure(joins_);
    is_over_ = true;
    loop().run_until([this] { return waiting_ == 0; }, std::chrono::seconds(60),
                     "a request for a room stays without an answer");
    return {{"joins", static_cast<double>(joins_)},
            {"per_second", static_cast<double>(joins_) / seconds()},
            {"cpu_us", server_microseconds() / static_cast<double>(joins_)},
            {"p50_us", latencies().percentile(50)},
            {"p99_us", latencies().percentile(99)},
            {"p99_9_us", latencies().percentile(99.9)}};
  }

 private:
  void ask(Member& member) {
    const auto at = index(member.place());
    asked_[at] = Clock::now();
    ++waiting_;
    // The first numbers are the rooms that they have opened.
    member.join(++rounds_[at] * options().rooms + member.place().room);
  }
  void joined(Member& member) override {
    --waiting_;
    if (is_measuring()) {
      ++joins_;
      latencies().add(Clock::now() - asked_[index(member.place())]);
    }
    if (!is_over_) ask(member);
  }

  std::vector<std::uint32_t> rounds_;
  std::vector<Time> asked_;
  std::uint64_t joins_ = 0, waiting_ = 0;
  bool is_over_ = false;
};

}  // namespace

Figures run_idle(const Options& options) { return Idle(options).run(); }
Figures run_open(const Options& options) { return Open(options).run(); }
Figures run_churn(const Options& options) { return Churn(options).run(); }
Figures run_storm(const Options& options) { return Storm(options).run(); }

}  // namespace sigway::load
