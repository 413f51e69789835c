#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

std::string open(const std::string& room, const std::string& name, const std::string& replaces) {
  Json open = Json::object();
  if (!room.empty()) open["room"] = room;
  if (!name.empty()) open["name"] = name;
  if (!replaces.empty()) open["replaces"] = replaces;
  return Json{{"open", open}, {"carrier", "c"}, {"turn", 1}}.dump();
}

}  // namespace

TEST_CASE_TEMPLATE("a reload passes place and name on in one step", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Client bob(world, "bob", 2);
  Client old(world, "old", 0);
  Client young(world, "young", 1);
  Client waiting(world, "waiting", 2);
  const auto b = bob.stream(open("r", "", ""));
  const auto before = old.stream(open("r", "alice", ""));
  old.upload(R"({"ack":0})");
  old.say(R"({"type":"join","room":"another","capacity":3})");
  b->news();
  world.advance(2s);
  // Somebody else waits for a place: it must not get this one.
  const auto w = waiting.stream(open("r", "", ""));
  bob.heard();

  const auto after = young.stream(open("r", "alice", old.key));
  CHECK(after->types() == "login joined ready");
  CHECK(after->events[1]["members"].size() == 1);
  CHECK(b->types() == "created peer-joined ready peer-left peer-joined ready");
  CHECK(b->events[3]["reason"] == "replaced");
  CHECK(b->events[4]["name"] == "alice");
  CHECK(before->control() == "end replaced");
  CHECK(old.upload("{}")->refusal() == "gone");
  CHECK_MESSAGE(world.rooms() == 1, "the other rooms are left");
  young.heard();
  world.advance(9s);
  CHECK(w->types() == "full");
}

TEST_CASE_TEMPLATE("an old key that is unknown or has ended is no error", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client young(world, "young", 1);
  SUBCASE("unknown") {
    CHECK(young.stream(open("r", "", "old-0123456789abcdefghijklmnop"))->types() == "created");
  }
  SUBCASE("ended") {
    Client old(world, "old", 0);
    old.stream(open("r", "", ""));
    old.say(R"({"type":"leave"})");
    CHECK(young.stream(open("r", "", old.key))->types() == "created");
  }
  SUBCASE("with neither room nor name the old one just ends") {
    Client old(world, "old", 0);
    const auto log = old.stream(open("r", "", ""));
    young.stream(open("", "", old.key));
    CHECK(log->control() == "end replaced");
    CHECK(world.sessions() == 1);
    CHECK(world.rooms() == 0);
  }
  SUBCASE("its own key is") {
    CHECK(young.upload(Json{{"open", {{"replaces", young.key}}}}.dump())->refusal() ==
          "bad_request");
  }
}

TEST_CASE_TEMPLATE("an old place elsewhere is left only when the new one has its answer", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Client old(world, "old", 0);
  Client young(world, "young", 1);
  const auto before = old.stream(open("", "", ""));
  old.upload(R"({"ack":0})");
  old.say(R"({"type":"login","name":"alice"})");
  old.say(R"({"type":"join","room":"r"})");
  young.paused = true;
  const auto after = young.stream(open("r", "alice", old.key));
  while (after->types() != "login created" && after->types() != "login joined") {
    bool busy = false;
    for (unsigned i = 0; i < world.shards(); ++i) {
      REQUIRE_FALSE(world.names() == 0);
      busy = world.turn(i) || busy;
    }
    REQUIRE(busy);
  }
  world.run();
  CHECK(before->control() == "end replaced");
  CHECK(world.sessions() == 1);
}

TEST_CASE_TEMPLATE("a reload of a reload that still waits gets what that waited for", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Client a(world, "a", 0);
  Client b(world, "b", 1);
  Client second(world, "second", 1);
  Client third(world, "third", 2);
  const auto log_a = a.stream(open("r", "", ""));
  const auto log_b = b.stream(open("r", "", ""));
  a.upload(R"({"ack":0})");
  b.upload(R"({"ack":0})");
  world.advance(2s);
  const auto log_second = second.stream(open("r", "", ""));  // waits: the members are probed
  CHECK(log_a->control() == "probe");
  const auto log_third = third.stream(open("r", "", second.key));
  CHECK(log_third->types().empty());
  a.heard();
  world.advance(9s);
  CHECK(log_third->types() == "joined ready");
  CHECK(log_second->types().empty());
  CHECK(log_second->control() == "end replaced");
}

TEST_CASE_TEMPLATE("a reload of somebody who waits for a name gets the name", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client a(world, "a", 0);
  Client second(world, "second", 1);
  Client third(world, "third", 2);
  const auto log_a = a.stream(open("", "alice", ""));
  a.upload(R"({"ack":0})");
  world.advance(2s);
  const auto log_second = second.stream(open("", "alice", ""));
  CHECK(log_a->control() == "probe");
  const auto log_third = third.stream(open("", "alice", second.key));
  world.advance(9s);
  CHECK(log_third->types() == "login");
  CHECK(log_a->types() == "login name-lost");
  CHECK(log_second->control() == "end replaced");
}

TEST_CASE_TEMPLATE("who is replaced ends also if its successor ends first", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client a(world, "a", 0);
  Client b(world, "b", 1);
  Client old(world, "old", 2);
  Client young(world, "young", 0);
  a.stream(open("r", "", ""));
  b.stream(open("r", "", ""));
  a.upload(R"({"ack":0})");
  b.upload(R"({"ack":0})");
  const auto before = old.stream(open("elsewhere", "", ""));
  world.advance(2s);
  young.stream(open("r", "", old.key));  // waits for the answers to a probe
  CHECK_FALSE(before->ended);
  young.session()->end(session::End::timeout);
  world.run();
  CHECK(before->control() == "end replaced");
  CHECK(old.session() == nullptr);
}
