#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

/// A session without a room on the shard `here`, with one active stream that is acknowledged
/// enough to live.
struct Member {
  Member(World& world, std::string_view name, unsigned here) : client(world, name, here) {
    log = client.stream(R"({"open":{},"carrier":"c","turn":1})");
    client.upload(R"({"ack":0})");
  }
  void join(const std::string& room, unsigned capacity = 0) {
    Json message{{"type", "join"}, {"room", room}};
    if (capacity != 0) message["capacity"] = capacity;
    client.say(message.dump());
  }
  const Json& last() const { return log->events.back(); }
  std::string peer() { return client.session()->peer(); }

  Client client;
  std::shared_ptr<StreamLog> log;
};

}  // namespace

TEST_CASE_TEMPLATE("the first creates the room, the second completes it", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  alice.join("r");
  CHECK(alice.log->news() == "created");
  CHECK(alice.last() == Json{{"type", "created"},
                             {"room", "r"},
                             {"peer", alice.peer()},
                             {"join", 1},
                             {"capacity", 2},
                             {"re", 1}});
  bob.join("r");
  CHECK(alice.log->news() == "peer-joined ready");
  CHECK(bob.log->news() == "joined ready");
  const auto& joined = bob.log->events[0];
  CHECK(joined["join"] == 2);
  CHECK_MESSAGE(joined["members"][0]["polite"] == true, "who comes anew is polite to all");
  CHECK(joined["members"][0]["join"] == 1);
  CHECK(joined["members"][0]["peer"] == alice.peer());
  const auto& came = alice.log->events[1];
  CHECK(came["polite"] == false);
  CHECK(came["join"] == 2);

  SUBCASE("a join number is never used twice while the room lives") {
    bob.client.say(R"({"type":"leave","room":"r"})");
    CHECK(bob.log->news() == "left");
    CHECK(bob.last()["re"] == 2);
    CHECK(alice.log->news() == "peer-left");
    CHECK(alice.last()["reason"] == "left");
    bob.join("r");
    CHECK(bob.log->events[3]["join"] == 3);
  }
  SUBCASE("the room is gone with its last member") {
    bob.client.say(R"({"type":"leave","room":"r"})");
    CHECK(world.rooms() == 1);
    alice.client.say(R"({"type":"leave"})");
    CHECK(alice.log->control() == "end left");
    CHECK(world.rooms() == 0);
    bob.join("r");
    CHECK(bob.last()["type"] == "created");
  }
}

TEST_CASE_TEMPLATE("a room has the capacity that its creator says", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  SUBCASE("1 is ready at once") {
    alice.join("r", 1);
    CHECK(alice.log->news() == "created ready");
  }
  SUBCASE("3 is ready with the third; what others say changes nothing") {
    Member bob(world, "bob", 1);
    Member carol(world, "carol", 2);
    alice.join("r", 3);
    bob.join("r", 60);
    CHECK(bob.log->news() == "joined");
    carol.join("r");
    CHECK(carol.log->news() == "joined ready");
    CHECK(alice.log->news() == "created peer-joined peer-joined ready");
  }
  SUBCASE("more than the server allows is refused") {
    alice.join("r", 65);
    CHECK(alice.last()["code"] == "bad_capacity");
    CHECK(alice.last()["limit"] == 64);
    CHECK(world.rooms() == 0);
  }
}

TEST_CASE_TEMPLATE("a full room: members who live keep their places", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  alice.join("r");
  bob.join("r");
  alice.log->news();
  bob.log->news();
  world.advance(2s);
  carol.join("r");
  CHECK(alice.log->control() == "probe");
  CHECK(bob.log->control() == "probe");
  CHECK_MESSAGE(carol.log->news().empty(), "before `full` is said, the members are probed");

  SUBCASE("when both answer") {
    alice.client.heard();
    CHECK(carol.log->news().empty());
    bob.client.upload("{}");
    CHECK(carol.log->news() == "full");
    CHECK(carol.last()["capacity"] == 2);
    CHECK(carol.last()["re"] == 1);
    CHECK(alice.log->news().empty());
  }
  SUBCASE("who gives no sign of life for 10 seconds loses its place") {
    bob.client.heard();
    world.advance(7900ms);  // 2 seconds had passed
    CHECK(carol.log->news().empty());
    world.advance(200ms);
    CHECK(carol.log->news() == "joined ready");
    CHECK(alice.log->news() == "place-lost");
    CHECK(bob.log->news() == "peer-left peer-joined ready");
    CHECK(bob.log->events[2]["reason"] == "place-lost");
    alice.client.say(R"({"type":"chat","room":"r"})");
    CHECK(alice.last()["code"] == "not_in_room");
    world.advance(2s);
    alice.join("r");
    CHECK_MESSAGE(carol.log->control() == "probe", "it may ask again");
  }
  SUBCASE("who wants no longer is not given a place") {
    carol.client.paused = true;
    carol.client.session()->end(session::End::left);
    world.run();
    world.advance(9s);
    CHECK(alice.log->news().empty());
    CHECK(bob.log->news().empty());
  }
  SUBCASE("a member that leaves meanwhile makes place") {
    bob.client.say(R"({"type":"leave"})");
    CHECK(carol.log->news() == "joined ready");
    world.advance(9s);
    CHECK_MESSAGE(alice.log->news() == "peer-left peer-joined ready", "alice keeps hers");
  }
  SUBCASE("several ask: as many come in as places are lost, the others hear full") {
    Member dave(world, "dave", 0);
    dave.join("r");
    bob.client.heard();
    world.advance(9s);
    CHECK(carol.log->news() == "joined ready");
    CHECK(dave.log->news() == "full");
  }
}

TEST_CASE_TEMPLATE("a suspended place goes to whoever asks, at once", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  alice.join("r");
  bob.join("r");
  bob.client.cut();
  world.advance(11s);
  alice.log->news();
  carol.join("r");
  CHECK(carol.log->news() == "joined ready");
  CHECK(alice.log->news() == "peer-left peer-joined ready");
  CHECK_MESSAGE(alice.log->controls.empty(), "nobody was probed");
  const auto again = bob.client.stream(R"({"resume":{},"carrier":"c","ack":2})");
  CHECK_MESSAGE(again->types() == "place-lost", "on resume its holder hears it");
}

TEST_CASE_TEMPLATE("who waits for an answer to a probe gets the place of who suspends meanwhile",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  alice.join("r");
  bob.join("r");
  world.advance(2s);
  carol.join("r");
  bob.client.upload(R"({"away":true})");
  CHECK(carol.log->news() == "joined ready");
}

TEST_CASE_TEMPLATE("a place that is lost while its holder comes back is lost for both sides",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  alice.join("r");
  bob.join("r");
  bob.client.cut();
  world.advance(11s);
  alice.log->news();
  carol.client.paused = bob.client.paused = true;
  std::shared_ptr<StreamLog> back;
  bool lost = true;
  SUBCASE("the asker was faster") {
    carol.join("r");
    world.turn(2 % world.shards());
    back = bob.client.stream(R"({"resume":{},"carrier":"c","ack":2})");
  }
  SUBCASE("the holder was faster") {
    back = bob.client.stream(R"({"resume":{},"carrier":"c","ack":2})");
    world.run();
    carol.join("r");
    lost = false;
  }
  world.run();
  bob.client.paused = false;
  bob.client.heard();
  alice.client.heard();
  bob.client.say(R"({"type":"chat","room":"r"})");
  if (lost) {
    CHECK(back->types() == "place-lost error");
    CHECK(back->events.back()["code"] == "not_in_room");
    CHECK(carol.log->types() == "joined ready");
  } else {
    CHECK(back->types().empty());
    CHECK(carol.log->types() == "full");
    CHECK(alice.log->news() == "peer-resumed chat");
  }
}

TEST_CASE_TEMPLATE("a session that ends while its join is on the way leaves nothing behind", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  for (int i = 0; i < 8; ++i) {
    Member alice(world, "alice" + std::to_string(i), static_cast<unsigned>(i));
    alice.client.paused = true;
    alice.join("room " + std::to_string(i));
    alice.client.say(R"({"type":"login","name":"n"})");
    for (int turns = 0; turns < i; ++turns)
      world.turn(static_cast<unsigned>(turns) % world.shards());
    if (auto* session = alice.client.session()) session->end(session::End::timeout);
    world.run();
  }
  CHECK(world.sessions() == 0);
  CHECK(world.rooms() == 0);
  CHECK(world.names() == 0);
  CHECK(world.shared.memory.used() == 0);
}

TEST_CASE_TEMPLATE("messages behind a join wait for its result", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  alice.join("r", 3);
  bob.client.upload(R"({"messages":[{"n":1,"type":"login","name":"bob"},
      {"n":2,"type":"join","room":"r"},{"n":3,"type":"offer","data":1},
      {"n":4,"type":"join","room":"r2"},{"n":5,"type":"chat","room":"r2"},
      {"n":6,"type":"leave","room":"r2"},{"n":7,"type":"candidate","data":2}]})");
  CHECK(bob.log->types() == "login joined created error left");
  CHECK(bob.log->events[3]["code"] == "nobody_there");
  CHECK(bob.log->events[3]["re"] == 5);
  CHECK(alice.log->types() == "created peer-joined offer candidate");
  CHECK(alice.log->events[1]["name"] == "bob");
  CHECK(alice.log->events[2] ==
        Json{{"type", "offer"}, {"room", "r"}, {"from", bob.peer()}, {"name", "bob"}, {"data", 1}});
}

TEST_CASE_TEMPLATE("what waits behind a join is bounded, and refused so that it is sent again",
                   Shards, OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.waiting_bytes = 1000;
  World world(options);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  alice.join("r");
  bob.join("r");
  world.advance(2s);
  carol.join("r");
  const std::string chat =
      R"({"type":"chat","room":"r","data":")" + std::string(1200, 'x') + R"("})";
  CHECK(carol.client.say(chat)->refusal().empty());
  CHECK(carol.client.say(chat)->refusal() == "rate_limited");
  --carol.client.n;
  bob.client.heard();
  world.advance(9s);
  CHECK(carol.log->news() == "joined ready");
  CHECK(bob.log->events.back()["type"] == "chat");
  CHECK(carol.client.say(chat)->up == 3);
}

TEST_CASE_TEMPLATE("one order for all in a room", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  std::vector<std::unique_ptr<Member>> members;
  for (unsigned i = 0; i < 4; ++i) {
    members.push_back(std::make_unique<Member>(world, "m" + std::to_string(i), i));
    members.back()->join("r", 4);
    members.back()->client.paused = true;
  }
  for (int round = 0; round < 10; ++round) {
    for (auto& member : members) {
      member->client.say(R"({"type":"chat"})");
      world.turn(static_cast<unsigned>(round) % world.shards());
    }
  }
  world.run();
  // Each hears all but itself: compare what every pair has both heard.
  const auto heard = [&](Member& member, const std::string& but) {
    std::vector<std::string> from;
    for (const auto& event : member.log->events) {
      if (event["type"] == "chat" && event["from"] != but) from.push_back(event["from"]);
    }
    return from;
  };
  for (auto& a : members) {
    for (auto& b : members) {
      if (a == b) continue;
      const auto of_a = heard(*a, b->peer());
      CHECK(of_a.size() == 20);
      CHECK(of_a == heard(*b, a->peer()));
    }
  }
}

TEST_CASE_TEMPLATE("a message reaches whom it names", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  Member bob(world, "bob", 1);
  Member carol(world, "carol", 2);
  alice.join("r", 3);
  CHECK(alice.log->news() == "created");
  alice.client.say(R"({"type":"offer"})");
  CHECK(alice.last()["code"] == "nobody_there");
  bob.join("r");
  carol.join("r");
  for (auto* member : {&alice, &bob, &carol}) member->log->news();

  SUBCASE("all others") {
    alice.client.say(R"({"type":"chat"})");
    CHECK(alice.log->news().empty());
    CHECK(bob.log->news() == "chat");
    CHECK(carol.log->news() == "chat");
  }
  SUBCASE("one") {
    alice.client.say(Json{{"type", "chat"}, {"to", bob.peer()}}.dump());
    CHECK(bob.log->news() == "chat");
    CHECK(carol.log->news().empty());
  }
  SUBCASE("several, of whom one is not there") {
    alice.client.say(
        Json{{"type", "chat"}, {"to", Json::array({bob.peer(), "nobody", carol.peer()})}}.dump());
    CHECK(bob.log->news() == "chat");
    CHECK(carol.log->news() == "chat");
    CHECK(alice.log->news() == "error");
    CHECK(alice.last()["code"] == "no_such_peer");
    CHECK(alice.last()["to"] == "nobody");
  }
  SUBCASE("in a room that it is not in") {
    alice.client.say(R"({"type":"chat","room":"other"})");
    CHECK(alice.last()["code"] == "not_in_room");
  }
  SUBCASE("in two rooms it must say which") {
    alice.join("s");
    alice.client.say(R"({"type":"chat"})");
    CHECK(alice.last()["code"] == "bad_request");
    alice.client.say(R"({"type":"chat","room":"r"})");
    CHECK(bob.log->news() == "chat");
  }
  SUBCASE("in no room") {
    alice.client.say(R"({"type":"leave","room":"r"})");
    alice.client.say(R"({"type":"chat"})");
    CHECK(alice.last()["code"] == "no_room");
  }
  SUBCASE("what it says of others is not believed: `from` is the server's") {
    alice.client.say(R"({"type":"chat","data":{"from":"bob"}})");
    CHECK(bob.last()["from"] == alice.peer());
  }
}

TEST_CASE_TEMPLATE("a session may be in 8 rooms, in each once", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Member alice(world, "alice", 0);
  for (int i = 1; i <= 8; ++i) alice.join("r" + std::to_string(i));
  alice.join("r8");
  CHECK(alice.last()["code"] == "already_joined");
  alice.client.say(R"({"type":"leave","room":"r8"})");
  alice.join("r9");
  CHECK(alice.last()["type"] == "created");
  alice.join("r10");
  CHECK(alice.last()["code"] == "too_many_rooms");
  CHECK(world.rooms() == 8);
  alice.client.say(R"({"type":"leave"})");
  CHECK(world.rooms() == 0);
  CHECK(world.shared.memory.used() == 0);
}
