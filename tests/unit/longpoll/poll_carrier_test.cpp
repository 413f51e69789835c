#include "longpoll/poll_carrier.h"

#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

/// A session that is alone in a room; what it says comes back as an error event.
struct Fixture {
  Fixture() : alice(world, "alice") {}
  std::shared_ptr<ReplyLog> open(bool active = true) {
    return alice.poll(active ? R"({"open":{"room":"r"},"carrier":"p","n":1,"turn":1})"
                             : R"({"open":{"room":"r"},"carrier":"p","n":1})");
  }
  std::shared_ptr<ReplyLog> poll(int n, int ack, const std::string& more = "") {
    return alice.poll(R"({"carrier":"p","n":)" + std::to_string(n) + R"(,"ack":)" +
                      std::to_string(ack) + more + "}");
  }
  void event() { alice.say(R"({"type":"chat"})"); }

  World world;
  Client alice;
};

const Json kNoEvents = Json::array();

}  // namespace

TEST_CASE("a poll that attaches is answered at once, with the welcome") {
  Fixture f;
  const auto reply = f.open();
  REQUIRE(reply->answers == 1);
  CHECK(reply->answer->at("welcome").at("active") == true);
  CHECK(reply->answer->at("first") == 1);
  CHECK(reply->types() == "created");
}

TEST_CASE("an opening poll waits for what its room says, but not for long") {
  World world;
  Client alice(world, "alice"), bob(world, "bob"), carol(world, "carol");
  alice.poll(R"({"open":{"room":"r","capacity":1},"carrier":"p","n":1,"turn":1})");
  // The room asks alice for a sign of life before it is full.
  const auto late = bob.poll(R"({"open":{"room":"r"},"carrier":"p","n":1})");
  const auto hasty = carol.poll(R"({"open":{"room":"r"},"carrier":"p","n":1,"wait":0})");
  CHECK(late->answers == 0);
  REQUIRE(hasty->answers == 1);
  CHECK(hasty->answer->at("events") == kNoEvents);
  world.advance(250ms);
  REQUIRE(late->answers == 1);
  CHECK(late->answer->contains("welcome"));
  CHECK(late->answer->at("events") == kNoEvents);
}

TEST_CASE("a poll is held until there is an event") {
  Fixture f;
  f.open();
  const auto reply = f.poll(2, 1);
  CHECK(reply->answers == 0);
  f.world.advance(20s);
  CHECK(reply->answers == 0);
  f.event();
  REQUIRE(reply->answers == 1);
  CHECK(reply->answer->at("first") == 2);
  CHECK(reply->types() == "error");
  CHECK(reply->answer->at("up") == 1);
  CHECK_FALSE(reply->answer->contains("welcome"));
}

TEST_CASE("a poll without an event is answered after its wait") {
  Fixture f;
  f.open();
  std::shared_ptr<ReplyLog> reply;
  base::Duration wait{};
  SUBCASE("the server's") {
    wait = 25s;
    reply = f.poll(2, 1);
  }
  SUBCASE("at the most") {
    wait = 25s;
    reply = f.poll(2, 1, R"(,"wait":9007199254740991)");
  }
  SUBCASE("its own") {
    wait = 3s;
    reply = f.poll(2, 1, R"(,"wait":3000)");
  }
  f.world.advance(wait - 100ms);
  CHECK(reply->answers == 0);
  f.world.advance(200ms);
  REQUIRE(reply->answers == 1);
  CHECK(reply->answer->at("events") == kNoEvents);
  CHECK(reply->answer->at("first") == 2);
}

TEST_CASE("without an acknowledgement the same events come again") {
  Fixture f;
  const auto first = f.open();
  f.event();
  const auto second = f.alice.poll(R"({"carrier":"p"})");
  CHECK(second->types() == "created error");
  const auto third = f.alice.poll(R"({"carrier":"p"})");
  CHECK(third->answer->at("events") == second->answer->at("events"));
  const auto fourth = f.poll(9, 1);
  CHECK(fourth->types() == "error");
  CHECK(fourth->answer->at("first") == 2);
  CHECK_MESSAGE(f.poll(10, 0)->answer->at("first") == 2, "a lower one starts at the mark");
}

TEST_CASE("a copy is parked too and gets the same answer") {
  Fixture f;
  f.open();
  const auto a = f.poll(2, 1);
  const auto b = f.poll(2, 1);
  CHECK(a->answers + b->answers == 0);
  f.event();
  REQUIRE(a->answers == 1);
  REQUIRE(b->answers == 1);
  CHECK(*a->answer == *b->answer);
  f.event();
  const auto late = f.poll(2, 1);
  REQUIRE(late->answers == 1);
  CHECK_MESSAGE(late->answer->at("events") == a->answer->at("events"),
                "though more has happened since");
  CHECK(late->answer->at("first") == a->answer->at("first"));
}

TEST_CASE("a copy of the attaching poll gets the same answer") {
  Fixture f;
  const auto a = f.open();
  f.event();
  const auto b = f.open();
  REQUIRE(b->answers == 1);
  CHECK(b->answer->at("events") == a->answer->at("events"));
  CHECK(b->answer->at("welcome").at("peer") == a->answer->at("welcome").at("peer"));
}

TEST_CASE("four copies at the most, the rest get an empty answer") {
  Fixture f;
  f.open();
  std::vector<std::shared_ptr<ReplyLog>> copies;
  for (int i = 0; i < 5; ++i) copies.push_back(f.poll(2, 1));
  for (int i = 0; i < 4; ++i) CHECK(copies[static_cast<unsigned>(i)]->answers == 0);
  REQUIRE(copies[4]->answers == 1);
  CHECK(copies[4]->answer->at("events") == kNoEvents);
  f.event();
  for (const auto& copy : copies) CHECK(copy->answers == 1);
}

TEST_CASE("a higher number replaces the parked poll, a lower one gets an empty answer") {
  Fixture f;
  f.open();
  const auto older = f.poll(5, 1);
  const auto newer = f.poll(7, 1);
  REQUIRE(older->answers == 1);
  CHECK(older->answer->at("events") == kNoEvents);
  CHECK(older->answer->at("first") == 2);
  CHECK(newer->answers == 0);
  const auto lower = f.poll(6, 1);
  REQUIRE(lower->answers == 1);
  CHECK(lower->answer->at("events") == kNoEvents);
  CHECK(newer->answers == 0);
  f.event();
  CHECK(newer->types() == "error");
  CHECK(lower->answers == 1);
}

TEST_CASE("a lower poll still brings what it brings") {
  Fixture f;
  f.open();
  const auto newer = f.poll(7, 1);
  const auto lower = f.poll(6, 1, R"(,"messages":[{"n":1,"type":"chat"}])");
  CHECK(lower->answer->at("up") == 1);
  CHECK(newer->types() == "error");
}

TEST_CASE("acknowledgement, messages and wait in one request") {
  Fixture f;
  f.open();
  const auto reply = f.poll(2, 1, R"(,"messages":[{"n":1,"type":"chat"}])");
  CHECK(reply->types() == "error");
  CHECK(reply->answer->at("up") == 1);
  CHECK(f.alice.session()->outbox().acknowledged() == 1);
}

TEST_CASE("an activation is answered at once, by the poll that asked") {
  Fixture f;
  f.open(false);
  const auto s = f.alice.stream(R"({"resume":{},"carrier":"s","ack":1})");
  const auto reply = f.poll(2, 1, R"(,"turn":1)");
  REQUIRE(reply->answers == 1);
  CHECK(reply->answer->at("activated") == Json{{"turn", 1}});
  CHECK(reply->answer->at("events") == kNoEvents);

  SUBCASE("so is its copy") {
    const auto copy = f.poll(2, 1, R"(,"turn":1)");
    REQUIRE(copy->answers == 1);
    CHECK(*copy->answer == *reply->answer);
  }
  SUBCASE("one that does nothing says standby") {
    f.alice.upload(R"({"carrier":"s","turn":2,"ack":1})");
    const auto ended = f.poll(3, 1);
    REQUIRE(ended->answers == 1);
    CHECK(ended->answer->at("ended").at("code") == "moved");
    f.alice.poll(R"({"resume":{},"carrier":"q","n":1,"ack":1})");
    const auto standby = f.alice.poll(R"({"carrier":"q","n":2,"turn":2})");
    REQUIRE(standby->answers == 1);
    CHECK(standby->answer->at("standby") == Json{{"turn", 2}});
  }
}

TEST_CASE("a parked poll hears at once that its carrier has ended") {
  Fixture f;
  f.open();
  const auto parked = f.poll(2, 1);
  f.alice.stream(R"({"resume":{},"carrier":"s","turn":2,"ack":1})");
  REQUIRE(parked->answers == 1);
  CHECK(parked->answer->at("ended").at("code") == "moved");
  const auto next = f.poll(3, 1, R"(,"messages":[{"n":1,"type":"chat"}])");
  CHECK(next->answer->at("ended").at("code") == "moved");
  CHECK_MESSAGE(next->answer->at("up") == 1, "uplink is taken on any carrier");
}

TEST_CASE(
    "a server that drains ends the parked poll, and the next one of who was between two polls") {
  Fixture f;
  f.open();
  const auto parked = f.poll(2, 1);
  f.world.hub(0).drain({});
  f.world.run();
  REQUIRE(parked->answers == 1);
  CHECK(parked->answer->at("ended").at("code") == "draining");
  const auto next = f.poll(3, 1);
  REQUIRE(next->answers == 1);
  CHECK(next->answer->at("ended").at("code") == "draining");
}

TEST_CASE("a carrier that stands by gets no events and ends after 10 seconds") {
  Fixture f;
  f.open();
  f.alice.stream(R"({"resume":{},"carrier":"s","turn":2,"ack":1})");
  f.alice.poll(R"({"resume":{},"carrier":"q","n":1,"ack":1})");
  const auto parked = f.alice.poll(R"({"carrier":"q","n":2})");
  f.event();
  CHECK(parked->answers == 0);
  f.world.advance(11s);
  REQUIRE(parked->answers == 1);
  CHECK(parked->answer->at("ended").at("code") == "standby_timeout");
}

TEST_CASE("a probe answers the parked poll, and the next poll is the sign of life") {
  Fixture f;
  f.open();
  const auto parked = f.poll(2, 1);
  bool answered = false;
  bool alive = false;
  f.world.advance(2s);
  f.alice.session()->probe(session::Probe::ask, [&](bool is) {
    answered = true;
    alive = is;
  });
  f.world.run();
  REQUIRE(parked->answers == 1);
  CHECK(parked->answer->at("probe") == true);
  CHECK_FALSE(answered);
  const auto next = f.poll(3, 1);
  CHECK(alive);
  CHECK_MESSAGE(next->answers == 0, "it is held as any other");
}

TEST_CASE("the end of the session answers the parked poll") {
  Fixture f;
  f.open();
  const auto parked = f.poll(2, 1);
  f.alice.say(R"({"type":"leave"})");
  REQUIRE(parked->answers == 1);
  CHECK(parked->answer->at("ended").at("code") == "left");
  CHECK(f.poll(3, 1)->refusal() == "gone");
}

TEST_CASE("a poll that leaves is told so") {
  Fixture f;
  f.open();
  const auto reply = f.poll(2, 1, R"(,"messages":[{"n":1,"type":"leave"}])");
  REQUIRE(reply->answers == 1);
  CHECK(reply->answer->at("ended").at("code") == "left");
}

TEST_CASE("a poll whose connection is gone is forgotten, its events are not") {
  Fixture f;
  f.open();
  const auto gone = f.poll(2, 1);
  f.alice.cut();
  f.event();
  CHECK(gone->answers == 0);
  CHECK(f.poll(2, 1)->types() == "error");
}

TEST_CASE("a refused poll may be repeated under its number") {
  Fixture f;
  f.open();
  CHECK(f.poll(2, 9)->refusal() == "bad_cursor");
  const auto again = f.poll(2, 1);
  CHECK(again->answers == 0);
  f.event();
  CHECK(again->types() == "error");
}

TEST_CASE("an answer stops growing at 256 KiB; the rest comes with the next poll") {
  World world;
  Client alice(world, "alice");
  Client bob(world, "bob");
  alice.poll(R"({"open":{"room":"r"},"carrier":"p","n":1,"turn":1})");
  bob.stream(R"({"open":{"room":"r"},"turn":1})");
  for (int i = 0; i < 8; ++i)
    bob.say(Json{{"type", "chat"}, {"data", std::string(60'000, 'x')}}.dump());
  const auto first = alice.poll(R"({"carrier":"p","n":2,"ack":1})");
  const auto count = first->answer->at("events").size();
  CHECK(first->answer->dump().size() < (256U << 10U) + 70'000);
  CHECK(count < 10);
  const auto second = alice.poll(Json{{"carrier", "p"}, {"n", 3}, {"ack", 1 + count}}.dump());
  CHECK(second->answer->at("first") == 2 + count);
  CHECK(second->answer->at("events").size() + count == 10);
}

TEST_CASE("a person's opening poll waits a second for its first event") {
  World world;
  Client person(world, "");
  person.key = "";
  const auto reply = person.poll(R"({"open":{}})");
  CHECK(reply->answers == 0);
  world.advance(1100ms);
  REQUIRE(reply->answers == 1);
  CHECK(reply->answer->at("welcome").at("key") == person.key);
}
