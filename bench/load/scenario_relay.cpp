// Scenarios that relay messages: pairs, rate, switch, fan-out.
#include <vector>

#include "scenarios.h"

namespace sigway::load {
namespace {

/// Each pair has one message on its way; whoever gets it answers. The server is never idle.
class Pairs final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    open_all();
    for (std::uint32_t room = 0; room < options().rooms; ++room) say(room, 0, Clock::now());
    measure(delivered());
    is_over_ = true;
    drain();
    return relay_figures();
  }

 private:
  void arrived(Member& member, const Stamp&) override {
    if (!is_over_) say(member.place().room, member.place().slot, Clock::now());
  }

  bool is_over_ = false;
};

/// Messages at a fixed rate, over all pairs in turn, in both directions; whether the server keeps
/// up or not. With `switch`, members change their transport meanwhile.
class Rate final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    open_all();
    const bool switches = options().scenario == "switch";
    const auto pause = seconds_of(1 / options().rate);
    const auto switch_pause = seconds_of(1 / options().switch_rate);
    const auto measured = Clock::now() + seconds_of(options().warm_up);
    const auto end = measured + seconds_of(options().seconds);
    is_switching_.resize(size());
    transports_.resize(size(), options().transport);
    auto due = Clock::now();
    auto switch_due = due;
    for (std::uint64_t count = 0; due < end; ++count, due += pause) {
      while (Clock::now() < due) loop().turn(due);
      if (due >= measured && !is_measuring()) start_measuring();
      const auto room = static_cast<std::uint32_t>(count % options().rooms);
      say(room, static_cast<std::uint32_t>(count / options().rooms % 2), due);
      for (; switches && switch_due <= due; switch_due += switch_pause) switch_next();
    }
    drain();
    stop_measuring();
    auto figures = relay_figures();
    if (switches) figures.emplace_back("switches", static_cast<double>(switched_));
    return figures;
  }

 private:
  void switch_next() {
    const auto at = next_++ % size();
    if (is_switching_[at]) return;
    is_switching_[at] = true;
    auto& transport = transports_[at];
    transport = transport == Transport::websocket ? Transport::sse
                : transport == Transport::sse     ? Transport::poll
                                                  : Transport::websocket;
    member(at).switch_to(transport);
  }
  void switched(Member& member) override {
    is_switching_[index(member.place())] = false;
    if (is_measuring()) ++switched_;
  }

  std::vector<bool> is_switching_;
  std::vector<Transport> transports_;
  std::size_t next_ = 0;
  std::uint64_t switched_ = 0;
};

/// The first member of each room speaks, and speaks again when all others have heard it.
class FanOut final : public Hall {
 public:
  using Hall::Hall;

  Figures run() {
    open_all();
    missing_.resize(options().rooms);
    for (std::uint32_t room = 0; room < options().rooms; ++room) speak(room);
    measure(delivered());
    is_over_ = true;
    drain();
    return relay_figures();
  }

 private:
  void speak(std::uint32_t room) {
    missing_[room] = options().members - 1;
    say(room, 0, Clock::now());
  }
  void arrived(Member&, const Stamp& stamp) override {
    if (--missing_[stamp.room] == 0 && !is_over_) speak(stamp.room);
  }

  std::vector<std::uint32_t> missing_;
  bool is_over_ = false;
};

}  // namespace

Figures run_pairs(const Options& options) { return Pairs(options).run(); }
Figures run_rate(const Options& options) { return Rate(options).run(); }
Figures run_fan_out(const Options& options) { return FanOut(options).run(); }

}  // namespace sigway::load
