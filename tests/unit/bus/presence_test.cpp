#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

/// Two members of the room `r`, who have heard all about each other, on shards of their own if
/// there are several.
struct Pair {
  explicit Pair(World& world) : alice(world, "alice", 0), bob(world, "bob", 1) {
    a = alice.stream(R"({"open":{},"carrier":"a","turn":1})");
    alice.say(R"({"type":"join","room":"r"})");
    alice.upload(R"({"ack":0})");
    b = bob.stream(R"({"open":{},"carrier":"b","turn":1})");
    bob.say(R"({"type":"join","room":"r"})");
    bob.upload(R"({"ack":0})");
    a->news();
    b->news();
  }
  Client alice, bob;
  std::shared_ptr<StreamLog> a, b;
};

}  // namespace

TEST_CASE_TEMPLATE("peers hear of an absence only after 10 seconds", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  pair.bob.cut();
  world.advance(9900ms);
  CHECK(pair.a->news() == "");
  world.advance(200ms);
  CHECK(pair.a->news() == "peer-suspended");

  SUBCASE("and of the return") {
    const auto again = pair.bob.stream(R"({"resume":{},"carrier":"b","ack":2})");
    CHECK(pair.a->news() == "peer-resumed");
    CHECK(again->types() == "");
  }
  SUBCASE("and that it has become a farewell, 2 minutes after the cut") {
    world.advance(109'800ms);
    CHECK(pair.a->news() == "");
    world.advance(200ms);
    CHECK(pair.a->news() == "peer-left");
    CHECK(pair.a->events.back()["reason"] == "timeout");
    CHECK(pair.bob.upload("{}")->refusal() == "gone");
  }
}

TEST_CASE_TEMPLATE("a cut of less than 10 seconds is no absence", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  for (int i = 0; i < 5; ++i) {
    pair.bob.cut();
    world.advance(9s);
    pair.b = pair.bob.stream(R"({"resume":{},"carrier":"b","ack":2})");
  }
  CHECK(pair.a->news() == "");
}

TEST_CASE_TEMPLATE("a gap between polls is no absence", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  Client carol(world, "carol", 2);
  pair.alice.say(R"({"type":"join","room":"wide","capacity":3})");
  pair.a->news();

  SUBCASE("with polls that are held") {
    carol.poll(R"({"open":{"room":"wide"},"carrier":"p","n":1,"turn":1})");
    for (int n = 2; n < 20; ++n) {
      carol.poll(R"({"carrier":"p","wait":8000,"ack":1,"n":)" + std::to_string(n) + "}");
      world.advance(12s);
    }
  }
  SUBCASE("with polls that are all answered at once, since they ask not to wait") {
    carol.poll(R"({"open":{"room":"wide"},"carrier":"p","n":1,"turn":1})");
    for (int n = 2; n < 50; ++n) {
      const auto reply =
          carol.poll(R"({"carrier":"p","wait":0,"ack":1,"n":)" + std::to_string(n) + "}");
      REQUIRE(reply->answers == 1);
      world.advance(5s);
    }
  }
  SUBCASE("with polls that are all answered at once, since events wait") {
    carol.poll(R"({"open":{"room":"wide"},"carrier":"p","n":1,"turn":1})");
    for (int n = 2; n < 50; ++n) {
      pair.alice.say(R"({"type":"chat","room":"wide"})");
      const auto reply = carol.poll(R"({"carrier":"p","ack":1,"n":)" + std::to_string(n) + "}");
      REQUIRE(reply->answers == 1);
      world.advance(5s);
    }
  }
  CHECK(pair.a->news() == "peer-joined");
}

TEST_CASE_TEMPLATE("a poll that is answered at once ends a suspension", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  pair.bob.cut();
  world.advance(11s);
  CHECK(pair.a->news() == "peer-suspended");
  const auto reply = pair.bob.poll(R"({"resume":{},"carrier":"p","n":1,"ack":2})");
  CHECK(reply->answers == 1);
  CHECK(pair.a->news() == "peer-resumed");
}

TEST_CASE_TEMPLATE("a poll that is refused does not make its session immortal", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.gap_messages = 0;
  World world(options);
  Client alice(world, "alice", 0);
  alice.poll(R"({"open":{"room":"r"},"carrier":"p","n":1,"turn":1})");
  alice.poll(R"({"carrier":"p","n":2,"ack":1})");  // parked
  const auto refused = alice.poll(R"({"carrier":"p","n":3,"messages":[{"n":2,"type":"chat"}]})");
  CHECK(refused->refusal() == "number_gap");
  world.advance(2min + 1s);
  CHECK(world.sessions() == 0);
}

TEST_CASE_TEMPLATE("`away` suspends at once", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  pair.bob.upload(R"({"away":true})");
  CHECK(pair.a->news() == "peer-suspended");

  SUBCASE("and may be repeated") {
    pair.bob.upload(R"({"away":true})");
    CHECK(pair.a->news() == "");
  }
  SUBCASE("a sign of life that it has overtaken does not resume, a late one does") {
    pair.bob.heard();
    CHECK(pair.a->news() == "");
    world.advance(11s);
    pair.bob.heard();
    CHECK(pair.a->news() == "peer-resumed");
  }
  SUBCASE("an attach resumes, and if it was overtaken its end suspends at once again") {
    const auto first = pair.bob.connection;
    const auto late = pair.bob.stream(R"({"resume":{},"carrier":"c","ack":2})");
    CHECK(pair.a->news() == "peer-resumed");
    pair.bob.cut(first);
    CHECK(pair.a->news() == "");
    pair.bob.cut();
    CHECK(pair.a->news() == "peer-suspended");
  }
  SUBCASE("the connections that go one after the other do not resume") {
    World other(Shards::value);
    Pair p(other);
    const auto standby = p.bob.stream(R"({"resume":{},"carrier":"c","ack":2})");
    p.a->news();
    p.bob.upload(R"({"away":true})");
    p.bob.cut();
    CHECK(p.a->news() == "peer-suspended");
    other.advance(11s);
    CHECK(p.a->news() == "");
  }
}

TEST_CASE_TEMPLATE("who is away gives no sign of life by saying so", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  Client carol(world, "carol", 2);
  const auto c = carol.stream(R"({"open":{},"carrier":"c","turn":1})");
  world.advance(2s);
  carol.say(R"({"type":"join","room":"r"})");
  CHECK(pair.b->control() == "probe");
  pair.bob.upload(R"({"away":true})");
  CHECK(c->news() == "joined ready");
}

TEST_CASE_TEMPLATE("the roster says who is suspended", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 0);
  Client bob(world, "bob", 1);
  alice.stream(R"({"open":{},"carrier":"a","turn":1})");
  alice.say(R"({"type":"join","room":"r","capacity":3})");
  alice.upload(R"({"ack":1,"away":true})");
  const auto b = bob.stream(R"({"open":{},"carrier":"b","turn":1})");
  bob.say(R"({"type":"join","room":"r"})");
  CHECK(b->events.at(0)["members"][0]["suspended"] == true);
}

TEST_CASE_TEMPLATE("who was suspended while a join was on its way is suspended there", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Pair pair(world);
  pair.alice.say(R"({"type":"join","room":"wide","capacity":3})");
  pair.a->news();
  pair.bob.paused = true;
  pair.bob.say(R"({"type":"join","room":"wide"})");
  pair.bob.upload(R"({"away":true})");
  world.run();
  const auto news = pair.a->news();
  const auto joined = news.find("peer-joined");
  REQUIRE(joined != std::string::npos);
  CHECK(news.find("peer-suspended", joined) != std::string::npos);
  CHECK(pair.a->events.back()["room"] == "wide");
}
