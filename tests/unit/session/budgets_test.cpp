#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Member {
  Member(World& world, const std::string& name, unsigned here) : client(world, name, here) {
    log = client.stream(R"({"open":{},"carrier":"c","turn":1})");
    client.upload(R"({"ack":0})");
    client.say(R"({"type":"join","room":"r","capacity":9})");
  }
  void chat(std::size_t bytes) {
    client.say(Json{{"type", "chat"}, {"data", std::string(bytes, 'x')}}.dump());
  }
  void ack() { client.upload(Json{{"ack", log->last()}}.dump()); }

  Client client;
  std::shared_ptr<StreamLog> log;
};

}  // namespace

TEST_CASE_TEMPLATE("who fills half of an outbox is told that it is busy", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.outbox_limit = 20'000;
  World world(options);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  carol.ack();
  alice.ack();
  for (int i = 0; i < 3; ++i) {
    alice.chat(4000);
    carol.ack();
  }
  CHECK(alice.log->events.back()["code"] == "busy");
  CHECK(alice.log->events.back()["re"] == 4);
  CHECK(alice.log->events.back()["to"] == bob.client.session()->peer());
  CHECK_MESSAGE(carol.log->events.size() == 4, "the others got it");
  carol.chat(4000);
  CHECK_MESSAGE(bob.log->events.back()["from"] == carol.client.session()->peer(),
                "another sender is not");
  bob.ack();
  alice.chat(4000);
  CHECK(bob.log->events.back()["from"] == alice.client.session()->peer());
  CHECK_FALSE(bob.log->ended);
}

TEST_CASE_TEMPLATE("who does not keep up is ended with a reason, never trimmed", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.outbox_limit = 20'000;
  World world(options);
  Member bob(world, "bob", 0);
  std::vector<std::unique_ptr<Member>> others;
  for (unsigned i = 0; i < 3; ++i)
    others.push_back(std::make_unique<Member>(world, "m" + std::to_string(i), i));
  for (auto& other : others) {
    for (int i = 0; i < 2 && !bob.log->ended; ++i) {
      other->chat(4000);
      for (auto& each : others) each->ack();
    }
  }
  CHECK(bob.log->control() == "end slow_consumer");
  CHECK(bob.client.upload("{}")->refusal() == "gone");
  for (std::size_t i = 0; i < bob.log->numbers.size(); ++i)
    CHECK_MESSAGE(bob.log->numbers[i] == i + 1, "no event was left out");
  CHECK(others[0]->log->events.back()["type"] == "peer-left");
  CHECK(others[0]->log->events.back()["reason"] == "closed");
  CHECK(world.shared.ends[static_cast<std::size_t>(session::End::slow_consumer)] == 1);
}

TEST_CASE_TEMPLATE("short of memory the largest outbox gives way, and no other", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.memory = 30'000;
  World world(options);
  Member small(world, "small", 0);
  Member large(world, "large", 1);
  Member medium(world, "medium", 2);
  Member sender(world, "sender", 0);
  for (auto* member : {&small, &large, &medium, &sender}) member->ack();
  std::vector<std::string> ended;
  for (int i = 0; i < 20 && !large.log->ended; ++i) {
    sender.client.say(
        Json{{"type", "chat"},
             {"to", Json::array({large.client.session()->peer(), medium.client.session()->peer()})},
             {"data", std::string(2000, 'x')}}
            .dump());
    sender.ack();
    if (i % 2 == 0) medium.ack();
  }
  CHECK(large.log->control() == "end memory");
  CHECK_FALSE(medium.log->ended);
  CHECK_FALSE(small.log->ended);
  CHECK_FALSE(sender.log->ended);
  CHECK_FALSE(world.shared.memory.exceeded());
}

TEST_CASE_TEMPLATE("more messages a second than allowed are refused and take nothing", Shards,
                   OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.message_rate = 10;
  options.settings.message_burst = 5;
  World world(options);
  Member alice(world, "alice", 1);  // its join was the first of five
  for (int i = 0; i < 4; ++i) alice.chat(1);
  const auto up = alice.client.session()->up();
  const auto refused =
      alice.client.upload(R"({"ack":1,"messages":[{"n":6,"type":"chat"},{"n":7,"type":"chat"}]})");
  CHECK(refused->refusal() == "rate_limited");
  CHECK(alice.client.session()->up() == up);
  CHECK_MESSAGE(alice.client.session()->outbox().acknowledged() == 1, "`ack` has acted before");
  world.advance(200ms);
  CHECK(alice.client.upload(R"({"messages":[{"n":6,"type":"chat"},{"n":7,"type":"chat"}]})")->up ==
        7);
}

TEST_CASE("a session that ends gives its outbox back at once, not at the end of the turn") {
  // The search for memory looks again within the turn; it must not end a second session.
  World world;
  Member alice(world, "alice", 0);
  CHECK(world.shared.memory.used() > 0);
  alice.client.session()->end(session::End::memory);
  CHECK(world.shared.memory.used() == 0);
}

TEST_CASE_TEMPLATE("all memory is given back when all have left", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  {
    std::vector<std::unique_ptr<Member>> members;
    for (unsigned i = 0; i < 5; ++i)
      members.push_back(std::make_unique<Member>(world, "m" + std::to_string(i), i));
    for (auto& member : members) {
      member->chat(5000);
      member->client.upload(R"({"messages":[{"n":9,"type":"x","data":"held"},
                                {"n":3,"at":0,"of":20,"piece":"{\"type\":"}]})");
      member->client.say(R"({"type":"x","to":"@nobody"})");
    }
    CHECK(world.shared.memory.used() > 50'000);
    for (auto& member : members) member->client.session()->end(session::End::left);
    world.run();
  }
  world.advance(2min);
  CHECK(world.sessions() == 0);
  CHECK(world.rooms() == 0);
  CHECK(world.names() == 0);
  CHECK(world.shared.memory.used() == 0);
  CHECK(world.shared.directory.live() == 0);
}
