#include "client/lines.h"

#include <doctest/doctest.h>

#include <vector>

using namespace sigway;
using namespace sigway::client;
using namespace std::chrono_literals;

namespace {

struct LinesNeighbour final : LinesHost {
  std::optional<Duration> least_round_trip() const override { return 20ms; }
  bool has_stream() const override { return false; }
  void call_off(Network::Id upload) override { called_off.push_back(upload); }
  void may_upload_again() override {}
  void learned(const std::string& /*lesson*/) override {}

  std::vector<Network::Id> called_off;
};

struct LinesTrial {
  void pass(Duration time) { scheduler.advance(scheduler.now() + time); }

  Scheduler scheduler{Time{}};
  Cadence cadence{scheduler};
  LinesNeighbour host;
  Lines lines{scheduler, cadence, host};
};

}  // namespace

TEST_CASE("lines: an upload that began beside a poll is sent again when the polls have ended") {
  LinesTrial trial;
  trial.lines.polled(true);
  trial.lines.began(1);
  trial.pass(300ms);
  trial.lines.polling_ended();
  trial.pass(1ms);
  trial.lines.began(2);
  trial.pass(398ms);
  CHECK(trial.host.called_off.empty());
  trial.pass(1ms);
  CHECK(trial.host.called_off == std::vector<Network::Id>{1});
  trial.pass(10s);
  CHECK_MESSAGE(trial.host.called_off.size() == 1, "what began later had the choice");
}

TEST_CASE("lines: an upload that was answered soon after the polls ended is left alone") {
  LinesTrial trial;
  trial.lines.polled(true);
  trial.lines.began(1);
  trial.lines.polling_ended();
  trial.pass(100ms);
  trial.lines.ended(1, true);
  trial.pass(10s);
  CHECK(trial.host.called_off.empty());
}

TEST_CASE("lines: where polls go on, or the session is over, nothing is called off for their end") {
  for (const bool is_over : {false, true}) {
    CAPTURE(is_over);
    LinesTrial trial;
    trial.lines.polled(true);
    trial.lines.began(1);
    trial.lines.polling_ended();
    if (is_over)
      trial.lines.stop();
    else
      trial.lines.polled(true);
    trial.pass(10s);
    CHECK(trial.host.called_off.empty());
  }
}

TEST_CASE("lines: an attempt by polls is no end of what the polls before it left behind") {
  LinesTrial trial;
  trial.lines.polled(true);
  trial.lines.began(1);
  trial.lines.polling_ended();
  trial.lines.polled(false);
  trial.pass(10s);
  CHECK(trial.host.called_off == std::vector<Network::Id>{1});
}

TEST_CASE(
    "lines: where one connection is served, uploads wait for polls that carry, not for attempts") {
  LinesTrial trial;
  trial.cadence.served_singly();
  trial.lines.polled(false);  // and it is dropped: nobody says that it has ended
  CHECK(trial.lines.is_free());
  trial.lines.polled(true);
  CHECK_FALSE(trial.lines.is_free());
  trial.lines.poll_answered();
  CHECK(trial.lines.is_free());
}
