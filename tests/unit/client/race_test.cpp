#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>

#include "client/race.h"

using namespace sigway;
using namespace sigway::client;
using namespace std::chrono_literals;

namespace {

/// Writes down what the race does: "+poll", "+sse!" (with its activation), "^sse", "-sse".
struct Track final : RaceHost {
  explicit Track(Transport wanted = Transport::automatic)
      : race(scheduler, random, profile, *this, wanted) {}

  void start_attempt(Transport transport, bool take_over) override {
    say('+', transport);
    if (take_over) told += '!';
  }
  void activate_attempt(Transport transport) override { say('^', transport); }
  void drop_attempt(Transport transport) override { say('-', transport); }
  void renewal_failed(client::Duration) override { told += " stale"; }
  void exhausted(const Failure&) override { told += " outage"; }
  bool opened(Transport transport) const override { return open.contains(transport); }
  bool stranded(Transport) const override { return false; }
  std::optional<client::Duration> silence(Transport transport) const override {
    const auto found = silences.find(transport);
    return found == silences.end() ? std::nullopt : std::optional(found->second);
  }
  void journal(std::string_view) override {}

  void say(char what, Transport transport) {
    told += (told.empty() ? "" : " ");
    told += what + std::string(to_string(transport));
  }
  std::string news() { return std::exchange(told, {}); }
  /// A step of more than a second would be sleep.
  void pass_awake(Duration time) {
    for (; time > 0ms; time -= 100ms) pass(100ms);
  }
  void pass(Duration time) { scheduler.advance(scheduler.now() + time); }
  void fail(Transport transport) { race.failed(transport, {.code = "network"}); }
  void die(Transport transport, client::Duration age) {
    profile.died(transport, {.code = "network"}, age, age, 5s);
    race.lost();
  }

  Random random = [] { return 0.5; };
  std::map<Transport, client::Duration> silences;
  std::set<Transport> open;
  std::string told;
  Scheduler scheduler{Time{} + 1h};
  NetworkProfile profile{scheduler, {.journal = [](auto) {}, .keep = [](const auto&) {}}};
  Race race;
};

constexpr auto ws = Transport::websocket, sse = Transport::sse, poll = Transport::poll;

}  // namespace

TEST_CASE("race: polling and WebSocket at once; the proved WebSocket is all that stays") {
  Track track;
  track.race.begin();
  CHECK(track.news() == "+poll +websocket");
  track.open.insert(ws);
  track.race.proved(poll);
  CHECK(track.news().empty());  // a change of hands can be spared
  track.race.proved(ws);
  CHECK(track.news() == "^websocket");
  track.race.activated(ws);
  CHECK(track.news() == "-poll");
  track.pass(1h);
  CHECK(track.news().empty());
}

TEST_CASE(
    "race: polling carries the events where WebSocket hangs, streaming is tried, and takes over") {
  Track track;
  track.race.begin();
  track.open.insert(ws);
  track.race.proved(poll);
  track.pass(55ms);
  CHECK(track.news() == "+poll +websocket");
  track.pass(244ms);
  CHECK(track.news().empty());  // nobody knows yet what a round trip takes
  track.pass(1ms);
  CHECK(track.news() == "+sse ^poll");
  track.race.activated(poll);
  CHECK(track.profile.known()->proof == 0ms);  // not what its activation took as well
  track.race.proved(sse);
  CHECK(track.news() == "^sse");
  track.race.activated(sse);
  CHECK(track.news().empty());
  track.pass(9s);
  CHECK(track.news().empty());
  track.pass(1s);
  CHECK(track.news() == "-websocket");  // had its time
}

TEST_CASE(
    "race: streaming is tried when WebSocket is not proved soon, however long round trips are") {
  Track track;
  track.profile.trips().add(800ms);
  track.race.begin();
  track.pass(250ms);
  CHECK(track.news() == "+poll +websocket");
  track.pass(100ms);
  CHECK(track.news() == "+sse");
  track.open.insert(ws);
  track.race.proved(poll);
  track.pass(299ms);
  CHECK(track.news().empty());
  track.pass(1ms);
  CHECK(track.news() == "^poll");
}

TEST_CASE("race: a refused WebSocket makes way at once") {
  Track track;
  track.race.begin();
  track.news();
  track.fail(ws);
  CHECK(track.news() == "+sse");
}

TEST_CASE("race: if all fail it is an outage that blames none") {
  Track track;
  for (int i = 0; i < 5; ++i) {
    track.race.begin();
    track.fail(ws);
    track.fail(sse);
    track.fail(poll);
    CHECK(track.news() == "+poll +websocket +sse outage");
  }
}

TEST_CASE("race: what another client remembered goes alone, for as long as it took then") {
  Track track;
  track.profile.recall(R"({"transport":"sse","proof":400})");
  track.race.begin();
  CHECK(track.news() == "+sse!");
  track.pass(590ms);
  CHECK(track.news().empty());
  track.pass(20ms);
  CHECK(track.news() == "+poll +websocket");
  track.race.activated(sse);
  CHECK(track.profile.known()->proof == 610ms);
}

TEST_CASE("race: where that does not work any more the others follow at once") {
  Track track;
  track.profile.recall(R"({"transport":"websocket","proof":10000})");
  track.race.begin();
  CHECK(track.news() == "+websocket!");
  track.fail(ws);
  CHECK(track.news() == "+poll +sse");
  Track chosen(poll);
  chosen.profile.recall(R"({"transport":"websocket","proof":0})");
  chosen.race.begin();
  CHECK(chosen.news() == "+poll!");
}

TEST_CASE("race: what carries is lost: what is tried beside it ends, too") {
  Track track;
  track.race.begin();
  track.race.proved(poll);
  track.race.activated(poll);
  CHECK(track.news() == "+poll +websocket ^poll");
  track.race.lost();
  CHECK(track.news() == "-websocket");
  track.race.begin();
  CHECK(track.news() == "+poll!");
}

TEST_CASE("race: what worked goes alone, with a head start") {
  Track track;
  track.race.begin();
  track.race.attached(ws);
  track.race.activated(ws);
  track.news();
  track.die(ws, 90s);
  track.race.begin();
  CHECK(track.news() == "+websocket!");
  track.pass(200ms);
  CHECK(track.news().empty());
  track.pass(200ms);
  CHECK(track.news() == "+poll +sse");
  track.race.activated(ws);
  CHECK(track.news() == "-sse -poll");
}

TEST_CASE("race: who dies young twice is set aside for a minute, then for two, not for ever") {
  Track track;
  track.race.begin();
  track.race.attached(ws);
  track.race.activated(ws);
  track.die(ws, 2s);
  track.race.begin();
  track.race.activated(ws);
  track.news();
  track.die(ws, 2s);
  track.race.begin();
  CHECK(track.news() == "+poll +sse");
  track.race.proved(sse);
  track.race.activated(sse);
  track.news();
  track.pass(58s);
  CHECK(track.news().empty());
  track.pass(3s);
  CHECK(track.news() == "+websocket");
  track.race.proved(ws);
  track.race.activated(ws);
  track.die(ws, 2s);  // it was on probation
  track.race.begin();
  track.race.activated(sse);
  track.news();
  track.pass(118s);
  CHECK(track.news().find("+websocket") == std::string::npos);
  track.pass(3s);
  CHECK(track.news() == "+websocket");
  track.race.activated(ws);
  track.die(ws, 11s);  // it is old
  track.race.begin();
  CHECK(track.news().find("+websocket!") != std::string::npos);
}

TEST_CASE("race: polling is never set aside, and if the rest fails nothing is") {
  Track track;
  track.race.begin();
  track.race.attached(ws);
  track.race.activated(ws);
  for (const auto transport : {poll, poll, poll, ws, ws}) {
    track.die(transport, 2s);
    track.race.begin();
    track.race.activated(transport);
  }
  track.die(poll, 2s);
  track.news();
  track.race.begin();
  CHECK(track.news() == "+poll +sse");
  track.fail(sse);
  track.fail(poll);
  CHECK(track.news() == " outage");
  track.race.begin();
  track.fail(sse);
  track.fail(poll);
  CHECK(track.news().find("+websocket") != std::string::npos);
}

TEST_CASE("race: what does not work is looked for again, with growing pauses") {
  Track track;
  track.race.begin();
  track.fail(ws);
  track.fail(sse);
  track.race.proved(poll);
  track.race.activated(poll);
  track.news();
  int probes = 0;
  Duration last{0};
  Time before = track.scheduler.now();
  for (int i = 0; i < 3600; ++i) {
    track.pass(1s);
    const auto news = track.news();
    if (news.empty()) continue;
    ++probes;
    last = std::max(last, std::chrono::duration_cast<Duration>(track.scheduler.now() - before));
    before = track.scheduler.now();
    track.fail(news == "+websocket" ? ws : sse);
  }
  CHECK(probes >= 8);
  CHECK(probes <= 40);
  CHECK(last >= 60s);
}

TEST_CASE(
    "race: what does not answer its activation in time gets the others' connections, then makes "
    "way for the next") {
  Track track;
  track.race.begin();
  track.race.proved(ws);
  track.race.proved(poll);
  CHECK(track.news() == "+poll +websocket ^websocket");
  track.pass(7900ms);
  CHECK(track.news() == "+sse");
  track.pass(200ms);
  CHECK(track.news() == "-sse");
  track.pass(8s);
  CHECK(track.news() == "-websocket ^poll");
  // The server's answers may come in any order; what it said last is true.
  track.race.activated(ws);
  track.race.activated(poll);
  CHECK(track.race.resting() == false);
}

TEST_CASE("race: what is alone has more time to answer its activation") {
  Track track(ws);
  track.race.begin();
  track.race.proved(ws);
  CHECK(track.news() == "+websocket! ^websocket");
  track.pass_awake(15s);
  CHECK(track.news().empty());
  track.pass_awake(2s);
  CHECK(track.news() == "-websocket outage");
}

TEST_CASE("race: no stream is tried where one connection is served at a time") {
  Track track;
  track.profile.cadence().served_singly();
  track.race.begin();
  CHECK(track.news() == "+poll +websocket");
  track.fail(ws);
  track.race.proved(poll);
  track.race.activated(poll);
  track.news();
  track.pass(20s);
  CHECK(track.news().find("sse") == std::string::npos);
}

TEST_CASE(
    "race: what is only being tried is called off where the active one needs its connection") {
  Track track;
  track.race.begin();
  track.fail(ws);
  track.race.proved(poll);
  track.race.activated(poll);
  track.news();
  track.race.narrow();
  CHECK(track.news() == "-sse");
  track.pass_awake(120s);
  CHECK(track.news().find("+sse") != std::string::npos);
}

TEST_CASE("race: on a slow line the first that was answered has it alone") {
  Track track;
  track.race.begin();
  track.pass(400ms);
  track.race.attached(sse);
  track.news();
  track.pass_awake(3s);
  CHECK(track.news().empty());  // nothing comes: they may wait for connections
  track.silences[sse] = 100ms;
  track.pass_awake(600ms);
  CHECK(track.news() == "-websocket -poll ^sse");
  CHECK(track.profile.slack() == 4);
  track.race.activated(sse);
  CHECK(track.profile.slack() == 4);  // until one is proved soon
}

TEST_CASE("race: an attempt has more time while something comes, and all have after a late round") {
  Track track(sse);
  track.race.begin();
  CHECK(track.news() == "+sse!");
  track.silences[sse] = 100ms;
  track.pass_awake(15s);
  CHECK(track.news().empty());
  track.silences.clear();
  track.pass_awake(20s);
  CHECK(track.news() == "-sse outage");
  CHECK(track.profile.slack() > 1);
  track.race.begin();
  track.news();
  track.pass_awake(9s);
  CHECK(track.news().empty());
}

TEST_CASE("race: one transport only") {
  Track track(sse);
  track.race.begin();
  CHECK(track.news() == "+sse!");
  track.fail(sse);
  CHECK(track.news() == " outage");
  track.race.begin();
  track.race.activated(sse);
  track.die(sse, 1s);
  track.race.begin();
  track.race.activated(sse);
  track.die(sse, 1s);
  track.news();
  track.race.begin();
  CHECK(track.news() == "+sse!");
}

TEST_CASE("race: a fresh carrier of the same transport, before the old one is cut") {
  Track track;
  track.race.begin();
  track.race.attached(ws);
  track.race.activated(ws);
  track.news();
  track.race.renew();
  CHECK(track.news() == "+websocket");
  track.race.proved(ws);
  CHECK(track.news() == "^websocket");
  track.race.activated(ws);
  CHECK(track.news().empty());
}

TEST_CASE("race: a fresh carrier that fails, or is called off, is to be tried again") {
  Track track;
  track.race.begin();
  track.race.attached(ws);
  track.race.activated(ws);
  track.news();
  track.race.renew();
  track.fail(ws);
  CHECK(track.news() == "+websocket stale");
  track.race.renew();
  track.race.narrow();
  CHECK(track.news() == "+websocket -websocket stale");
}
