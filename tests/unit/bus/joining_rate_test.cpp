// How often clients of one address can make a room tell its members that they come, go and have
// another name.
#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

World::Options unhurried(base::ShardIndex shards) {
  World::Options options{.shards = shards};
  options.settings.message_rate = 0;  // what is tested must hold without it
  return options;
}

/// A client with a stream that acknowledges all that it is told.
struct Visitor {
  Visitor(World& world, const std::string& name, unsigned here, const std::string& address)
      : client(world, name, here) {
    client.address = address;
    log = client.stream(R"({"open":{},"carrier":"c","turn":1})");
    client.upload(R"({"ack":0})");
  }
  void join(const std::string& room, unsigned capacity = 0) {
    Json message{{"type", "join"}, {"room", room}};
    if (capacity != 0) message["capacity"] = capacity;
    say(message);
  }
  void leave(const std::string& room) { say({{"type", "leave"}, {"room", room}}); }
  void log_in(const std::string& name) { say({{"type", "login"}, {"name", name}}); }
  void say(const Json& message) {
    client.say(message.dump());
    if (log->last() != 0) client.upload(Json{{"ack", log->last()}}.dump());
  }
  /// How many of so many joins the server accepts. The member has left the room then.
  int joins(const std::string& room, int attempts) {
    int accepted = 0;
    for (int i = 0; i < attempts; ++i) {
      join(room);
      if (log->events.back()["type"] == "error") continue;
      ++accepted;
      leave(room);
    }
    return accepted;
  }

  Client client;
  std::shared_ptr<StreamLog> log;
};

}  // namespace

TEST_CASE_TEMPLATE("one address joins a room 133 times at once, then twice in three seconds",
                   Shards, OneShard, ThreeShards) {
  World world(unhurried(Shards::value));
  Visitor alice(world, "alice", 0, "home");
  Visitor bob(world, "bob", 1, "office");
  alice.join("r", 9);
  CHECK(bob.joins("r", 200) == 133);
  CHECK(bob.log->events.back()["code"] == "rate_limited");
  CHECK(bob.log->events.back()["re"] == bob.client.n);

  SUBCASE("whichever session asks, by `open`, too") {
    Client carol(world, "carol", 2);
    carol.address = "office";
    CHECK(carol.upload(R"({"open":{"room":"r"}})")->refusal() == "rate_limited");
    Visitor dave(world, "dave", 2, "office");
    dave.join("r");
    CHECK(dave.log->types() == "error");
    CHECK(dave.log->events.back()["code"] == "rate_limited");
  }
  SUBCASE("other rooms and other addresses have a rate of their own") {
    CHECK(bob.joins("other", 20) == 20);
    Visitor dave(world, "dave", 2, "elsewhere");
    CHECK(dave.joins("r", 20) == 20);
  }
  SUBCASE("names that the room hears of count, too") {
    world.advance(2s);
    CHECK(bob.joins("r", 1) == 1);
    bob.join("other", 9);
    bob.log_in("bob");
    CHECK_MESSAGE(bob.log->events.back()["type"] == "login", "nothing is told in `r`");
    bob.leave("other");
    world.advance(2s);
    bob.join("r");
    for (const char* name : {"bert", "bill", "ben"}) {
      bob.log_in(name);
      CHECK(bob.log->events.back()["type"] == "login");
    }
    bob.log_in("brian");
    CHECK(bob.log->events.back()["type"] == "error");
    CHECK(bob.log->events.back()["code"] == "rate_limited");
  }
  SUBCASE("after a rest") {
    world.advance(3s);
    CHECK(bob.joins("r", 20) == 2);
  }
}

TEST_CASE_TEMPLATE("asking for a room that is full tells nobody, and costs nothing", Shards,
                   OneShard, ThreeShards) {
  World world(unhurried(Shards::value));
  Visitor alice(world, "alice", 0, "home");
  Visitor bob(world, "bob", 1, "office");
  alice.join("r", 1);
  for (int i = 0; i < 200; ++i) {
    bob.join("r");
    world.advance(1s);
    alice.client.heard();
    world.run();
    REQUIRE(bob.log->events.back()["type"] == "full");
  }
}

TEST_CASE_TEMPLATE("an office behind one address fills a room of 64 twice at once", Shards,
                   OneShard, ThreeShards) {
  World world(unhurried(Shards::value));
  std::vector<std::unique_ptr<Visitor>> office;
  for (unsigned i = 0; i < 64; ++i)
    office.push_back(std::make_unique<Visitor>(world, "m" + std::to_string(i), i, "office"));
  for (int round = 0; round < 2; ++round) {
    for (auto& member : office) {
      member->join("r", 64);
      const auto type = member->log->events.back()["type"].get<std::string>();
      CHECK_MESSAGE((type == "created" || type == "joined" || type == "ready"), type);
    }
    for (auto& member : office) member->leave("r");
  }
}

TEST_CASE("without a join rate a room may be joined as often as one likes") {
  auto options = unhurried(1);
  options.settings.join_rate = 0;
  World world(options);
  Visitor alice(world, "alice", 0, "home");
  Visitor bob(world, "bob", 0, "office");
  alice.join("r", 9);
  CHECK(bob.joins("r", 300) == 300);
}

TEST_CASE("a member whose line is cut keeps its session while one address comes and goes") {
  World world(unhurried(1));
  Visitor alice(world, "alice", 0, "home");
  std::vector<std::string> rooms;
  const auto most = world.shared.settings.max_rooms;
  for (std::size_t i = 0; i < most; ++i) {
    rooms.push_back(std::string(127, '"') + static_cast<char>('a' + i));  // twice as long in JSON
    alice.join(rooms.back(), 2);
  }
  alice.client.cut();
  const auto name = [](std::uint64_t number) {
    auto text = std::to_string(number);
    while (text.size() < 196) text += "\xF0\x9F\x93\x9E";
    return text;
  };
  const auto began = world.now();
  std::uint64_t sessions = 0;
  std::uint64_t names = 0;
  int accepted = 0;
  // As long as a session without a connection lives.
  while (alice.client.session() != nullptr && world.now() < began + 115s) {
    Visitor bob(world, "bob" + std::to_string(++sessions), 0, "office");
    for (const auto& room : rooms) accepted += bob.joins(room, 5);
    for (const auto& room : rooms) bob.join(room);
    for (int i = 0; i < 20; ++i) bob.log_in(name(++names));
    bob.say({{"type", "leave"}});
    world.advance(1s);
  }
  MESSAGE("after ", (world.now() - began) / 1s, " s, ", accepted, " joins");
  REQUIRE(alice.client.session() != nullptr);
  CHECK(world.shared.ends[static_cast<std::size_t>(session::End::slow_consumer)] == 0);
  const auto bytes = alice.client.session()->outbox().bytes();
  CHECK_MESSAGE(bytes > world.shared.settings.outbox_limit / 4, "the attack is one: ", bytes);
  MESSAGE(bytes, " bytes");
}
