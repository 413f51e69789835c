// Events: numbers, acknowledgement, the outbox (docs/protocol.md, "Down: events").
#include <doctest/doctest.h>

#include "scenario/client.h"

using namespace sigway::testing;

namespace {

// Two members of a room, and the second has said `count` messages to the first, which has
// acknowledged nothing.
struct Pair {
  Pair(Site& site, Transport transport, int count) : a(site, transport), b(site, Transport::poll) {
    a.session.acknowledges = false;
    a.open({{"room", "pair"}});
    b.open({{"room", "pair"}});
    b.expect("joined");
    b.expect("ready");
    for (int i = 0; i < count; ++i) b.say("m", i);
  }
  Client a, b;
};

// The events that a carrier which has just been attached begins with.
std::vector<Event> take(Carrier& carrier, std::size_t count) {
  std::vector<Event> events;
  while (events.size() < count) {
    auto event = carrier.event();
    REQUIRE(event);
    events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace

TEST_CASE_TEMPLATE("down: numbers have no gaps and an event stays until it is acknowledged", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport, 3);
  for (const auto transport : kTransports) {
    // However often and whichever way: what was written has delivered nothing.
    pair.a.vanish();
    auto answer = pair.a.try_resume({{"turn", pair.a.next_turn()}}, transport);
    REQUIRE(answer.error.empty());
    if (answer.body.contains("next")) CHECK(answer.body.at("next") == 1);
    const auto events = take(pair.a.carrier(), 6);
    for (std::size_t i = 0; i < events.size(); ++i) CHECK(events[i].number == i + 1);
    CHECK(events[0].body.at("type") == "created");
    for (int i = 0; i < 3; ++i) CHECK(events[3 + i].body.at("data") == i);
  }
}

TEST_CASE_TEMPLATE("down: an acknowledgement is a maximum", T, WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport, 3);
  auto& a = pair.a;
  take(a.carrier(), 1);
  a.vanish();
  REQUIRE(a.try_resume({{"turn", a.next_turn()}}).error.empty());
  take(a.carrier(), 6);

  CHECK(a.acknowledge(4).error.empty());
  CHECK(a.acknowledge(2).error.empty());  // lower: ignored
  const auto above = a.acknowledge(7);
  CHECK(above.error == "bad_cursor");
  CHECK(above.body.at("expected") == 6);

  // A resume below the mark starts at the mark; one above what was sent is refused.
  a.vanish();
  CHECK(a.try_resume({{"turn", a.next_turn()}, {"ack", 7}}).error == "bad_cursor");
  REQUIRE(a.try_resume({{"turn", a.next_turn()}, {"ack", 1}}).error.empty());
  auto event = a.carrier().event();
  REQUIRE(event);
  CHECK(event->number == 5);
  CHECK(event->body.at("data") == 1);

  // Everything acknowledged leaves nothing behind.
  a.vanish();
  REQUIRE(a.try_resume({{"turn", a.next_turn()}, {"ack", 6}}).error.empty());
  pair.b.say("last");
  event = a.carrier().event();
  REQUIRE(event);
  CHECK(event->number == 7);
}

TEST_CASE_TEMPLATE("down: welcome, activation and heartbeat state the next number", T, WebSocket,
                   Sse) {
  Site site({"--ping-interval", "3s"});
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"room", "r"}});
  CHECK(a.expect("created").at("type") == "created");
  CHECK(a.carrier().control("heartbeat").at("next") == 2);
  b.open({{"room", "r"}});
  CHECK(event_while_alive(a, {&b}).at("type") == "peer-joined");
  CHECK(event_while_alive(a, {&b}).at("type") == "ready");
  a.acknowledge(3);
  const auto deadline = Clock::now() + kPatience;
  while (a.carrier().control("heartbeat").at("next") != 4) REQUIRE(Clock::now() < deadline);

  auto carrier = a.another();
  const auto welcome = carrier->attach({{"resume", Json::object()}, {"ack", 3}});
  CHECK(welcome.body.at("next") == 4);
  const auto activated = carrier->activate(a.next_turn());
  CHECK(activated.at("next") == 4);
}

TEST_CASE("down: a poll's answer that was lost is told again") {
  Site site;
  Pair pair(site, Transport::poll, 2);
  const Json poll{{"key", pair.a.session.key}, {"carrier", "c1"}, {"ack", 0}};
  auto next = poll;
  next["n"] = 10;
  const auto lost = site.post("/v1/poll", next);
  REQUIRE(lost.body.at("events").size() == 5);
  next["n"] = 11;
  const auto again = site.post("/v1/poll", next);
  CHECK(again.body.at("first") == 1);
  CHECK(again.body.at("events") == lost.body.at("events"));
  next["n"] = 12;
  next["ack"] = 5;
  next["wait"] = 0;
  const auto after = site.post("/v1/poll", next);
  CHECK(after.body.at("first") == 6);
  CHECK(after.body.at("events").empty());
}
