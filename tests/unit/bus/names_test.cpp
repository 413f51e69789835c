#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Person {
  Person(World& world, std::string_view name, unsigned here, const std::string& address = "ip")
      : client(world, name, here) {
    client.address = address;
    log = client.stream(R"({"open":{},"carrier":"c","turn":1})");
    client.upload(R"({"ack":0})");
  }
  void login(const std::string& name) {
    client.say(Json{{"type", "login"}, {"name", name}}.dump());
  }
  void tell(const std::string& name, const Json& data) {
    client.say(Json{{"type", "chat"}, {"to", "@" + name}, {"data", data}}.dump());
  }
  const Json& last() const { return log->events.back(); }

  Client client;
  std::shared_ptr<StreamLog> log;
};

}  // namespace

TEST_CASE_TEMPLATE("a name is one session's", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Person alice(world, "alice", 0);
  Person bob(world, "bob", 1);
  alice.login("a");
  CHECK(alice.last() == Json{{"type", "login"}, {"name", "a"}, {"re", 1}});
  world.advance(2s);
  bob.login("a");
  CHECK(alice.log->control() == "probe");
  alice.client.heard();
  CHECK(bob.last()["code"] == "name_taken");
  CHECK(bob.last()["to"] == "@a");
  bob.client.say(R"({"type":"logout"})");
  CHECK(bob.last()["code"] == "no_name");

  SUBCASE("until it logs out") {
    alice.client.say(R"({"type":"logout"})");
    CHECK(alice.last() == Json{{"type", "logout"}, {"name", "a"}, {"re", 2}});
    bob.login("a");
    CHECK(bob.last()["type"] == "login");
  }
  SUBCASE("until it takes another") {
    alice.login("b");
    bob.login("a");
    CHECK(bob.last()["type"] == "login");
    CHECK(world.names() == 2);
  }
  SUBCASE("until it ends") {
    alice.client.say(R"({"type":"leave"})");
    bob.login("a");
    CHECK(bob.last()["type"] == "login");
  }
  SUBCASE("until it is suspended and somebody asks") {
    alice.client.upload(R"({"away":true})");
    bob.login("a");
    CHECK(bob.last()["type"] == "login");
    CHECK(alice.last() == Json{{"type", "name-lost"}, {"name", "a"}});
    alice.client.say(R"({"type":"logout"})");
    CHECK(alice.last()["code"] == "no_name");
  }
  SUBCASE("until it fails a probe; the first that asked is given it") {
    Person carol(world, "carol", 2);
    world.advance(2s);
    bob.login("a");
    carol.login("a");
    world.advance(9s);
    CHECK(bob.last()["type"] == "login");
    CHECK(carol.last()["code"] == "name_taken");
    CHECK(alice.last()["type"] == "name-lost");
  }
  SUBCASE("logging in again is harmless") {
    alice.login("a");
    CHECK(alice.last()["type"] == "login");
    CHECK(world.names() == 1);
  }
}

TEST_CASE_TEMPLATE("the room hears of a name, and of its loss", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Person alice(world, "alice", 0);
  Person bob(world, "bob", 1);
  Person thief(world, "thief", 2);
  alice.client.say(R"({"type":"join","room":"r"})");
  bob.client.say(R"({"type":"join","room":"r"})");
  bob.log->news();
  alice.login("a");
  CHECK(bob.log->news() == "peer-named");
  CHECK(bob.last()["name"] == "a");
  alice.login("b");
  CHECK(bob.log->news() == "peer-named");
  CHECK(bob.last()["name"] == "b");
  SUBCASE("given back") { alice.client.say(R"({"type":"logout"})"); }
  SUBCASE("lost") {
    world.advance(2s);
    thief.login("b");
    bob.client.heard();
    world.advance(9s);
  }
  CHECK(bob.log->news() == "peer-named");
  CHECK_FALSE(bob.last().contains("name"));
}

TEST_CASE_TEMPLATE("a name that is lost while a join is on its way is not in the room", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Person alice(world, "alice", 0);
  Person bob(world, "bob", 1);
  Person carol(world, "carol", 2);
  Person thief(world, "thief", 2);
  for (auto* member : {&bob, &carol}) member->client.say(R"({"type":"join","room":"r"})");
  alice.login("a");
  world.advance(2s);
  alice.client.say(R"({"type":"join","room":"r"})");  // waits: the members are probed
  alice.client.upload(R"({"away":true})");
  thief.login("a");
  CHECK(alice.last()["type"] == "name-lost");
  bob.client.heard();
  bob.log->news();
  world.advance(9s);  // carol loses her place to alice
  CHECK(bob.log->news() == "peer-left peer-joined ready peer-named peer-suspended");
  CHECK_FALSE(bob.log->events[bob.log->events.size() - 2].contains("name"));
}

TEST_CASE_TEMPLATE("mail for a name that nobody has waits, and comes before the login", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Person alice(world, "alice", 0);
  Person bob(world, "bob", 1);
  bob.login("bob");
  bob.tell("a", 1);
  CHECK(bob.last() == Json{{"type", "stored"}, {"to", "@a"}, {"lifetime", 60}, {"re", 2}});
  bob.tell("a", 2);
  CHECK(world.shared.memory.used() > 0);

  SUBCASE("for a minute") {
    world.advance(59s);
    alice.login("a");
    CHECK(alice.log->types() == "chat chat login");
    CHECK(alice.log->events[0] == Json{{"type", "chat"},
                                       {"from", bob.client.session()->peer()},
                                       {"name", "bob"},
                                       {"data", 1}});
    CHECK(alice.log->events[1]["data"] == 2);
    bob.tell("a", 3);
    CHECK(alice.log->types() == "chat chat login chat");
  }
  SUBCASE("not longer") {
    world.advance(61s);
    CHECK(world.names() == 1);
    alice.login("a");
    CHECK(alice.log->types() == "login");
  }
  SUBCASE("once") {
    alice.login("a");
    alice.client.say(R"({"type":"logout"})");
    alice.login("a");
    CHECK(alice.log->types() == "chat chat login logout login");
  }
  bob.client.upload(R"({"ack":3,"messages":[{"n":100,"type":"leave"}]})");
  alice.client.upload(Json{{"ack", alice.log->last()}}.dump());  // else it would wait again
  alice.client.session()->end(session::End::left);
  bob.client.session()->end(session::End::left);
  world.run();
  CHECK(world.exchange.mailbox.bytes == 0);
  CHECK(world.shared.memory.used() == 0);
  CHECK(world.names() == 0);
}

TEST_CASE_TEMPLATE("strangers cannot end who does not read", Shards, OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.outbox_limit = 64'000;
  options.mailboxes.bytes = 64'000;
  World world(options);
  Person victim(world, "victim", 0);
  const std::string text(3000, 'x');
  int busy = 0;
  bool before_login = false;
  SUBCASE("by messages to its name") {}
  SUBCASE("by what waits in its mailbox") { before_login = true; }
  if (!before_login) victim.login("victim");
  std::vector<std::unique_ptr<Person>> strangers;
  for (unsigned i = 0; i < 3; ++i) {
    const auto number = std::to_string(i);
    strangers.push_back(
        std::make_unique<Person>(world, "stranger" + number, i, "10.0.0." + number));
    for (int k = 0; k < 40; ++k) strangers.back()->tell("victim", text);
  }
  if (before_login) victim.login("victim");
  for (const auto& stranger : strangers) {
    for (const auto& event : stranger->log->events) {
      if (event["type"] == "error" && event["code"] == "busy") ++busy;
      CHECK(event.value("to", "") == "@victim");
    }
  }
  CHECK(busy > 0);
  REQUIRE(victim.client.session() != nullptr);
  CHECK_FALSE(victim.log->ended);
  CHECK(victim.client.session()->outbox().bytes() < 64'000 / 8 + 1000);
  // As soon as it reads, strangers reach it again.
  victim.client.upload(Json{{"ack", victim.log->last()}}.dump());
  strangers.front()->tell("victim", text);
  CHECK(victim.last()["data"] == text);
}

TEST_CASE_TEMPLATE("a letter that is handed over leaves nothing behind", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Person alice(world, "alice", 0);
  Person bob(world, "bob", 1);
  for (int i = 0; i < 20; ++i) {
    const auto name = "somebody whose name is quite long " + std::to_string(i);
    bob.tell(name, i);
    alice.login(name);
  }
  std::size_t stored = 0;
  for (unsigned i = 0; i < world.shards(); ++i) stored += world.node(i).names().stored();
  CHECK(stored == 0);
  CHECK(world.exchange.mailbox.bytes == 0);
  bob.tell("a", 1);
  CHECK_MESSAGE(world.exchange.mailbox.bytes > 400, "what a letter and its name really take");
  world.advance(30s);
  bob.tell("b", 2);
  world.advance(31s);
  alice.login("a");
  alice.login("b");
  CHECK_MESSAGE(alice.last()["type"] == "login", alice.log->types());
  CHECK(alice.log->events[alice.log->events.size() - 2]["data"] == 2);
}

TEST_CASE_TEMPLATE("mail waits for the next one if memory is short when somebody logs in", Shards,
                   OneShard, ThreeShards) {
  int lost = 0;
  for (base::ShardIndex shard = 0; shard < Shards::value; ++shard) {
    bool has_failed = true;
    for (int number = 1; has_failed; ++number) {
      CAPTURE(shard);
      CAPTURE(number);
      World world(Shards::value);
      Person ann(world, "ann", 0);
      Person bob(world, "bob", 1);
      Person eve(world, "eve", 2);
      for (int i = 1; i <= 2; ++i) ann.tell("a", i);
      auto& fails_at = world.runner(shard).fails_at;
      fails_at = number;
      session::Inputs inputs;
      inputs.messages.push_back({std::nullopt, dialects::Command(dialects::Login{"a"})});
      bob.client.session()->process(std::move(inputs));
      world.run();
      has_failed = fails_at == 0;
      fails_at = 0;
      const bool has_ended = bob.client.session() == nullptr;
      if (has_ended) {
        ++lost;
        eve.login("a");
      }
      const auto& log = has_ended ? eve.log : bob.log;
      CHECK(log->types() == "chat chat login");
      CHECK(log->events.front()["data"] == 1);
      CHECK(world.exchange.mailbox.bytes == 0);
    }
  }
  CHECK(lost > 0);
}

TEST_CASE_TEMPLATE("mailboxes: many sessions of one address fill a part, and others have room",
                   Shards, OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  std::string hint;
  SUBCASE("of the bytes") {
    options.mailboxes.total_bytes = 40'000;
    hint = "--mailbox-total-bytes";
  }
  SUBCASE("of the messages") {
    options.mailboxes.per_address = 8;
    hint = "--mailbox-per-address";
  }
  World world(options);
  const std::string text(400, 'x');
  std::string told;
  for (unsigned i = 0; i < 8; ++i) {
    const auto number = std::to_string(i);
    Person one(world, "one" + number, i, "2001:db8::" + number);
    for (int k = 0; k < 10; ++k) one.tell("name " + std::to_string(i * 10U + k), text);
    if (one.last()["type"] == "error") told = one.last()["hint"];
  }
  CHECK(told.find(hint) != std::string::npos);
  Person other(world, "other", 1, "10.0.0.1");
  other.tell("somebody", text);
  CHECK(other.last()["type"] == "stored");
  // Nor do many addresses get over the whole.
  for (unsigned i = 0; i < 20; ++i) {
    Person one(world, "of many" + std::to_string(i), i, "10.0.1." + std::to_string(i));
    for (int k = 0; k < 10; ++k) one.tell("name " + std::to_string(1000 + i * 10U + k), text);
  }
  CHECK(world.exchange.mailbox.bytes <= options.mailboxes.total_bytes);
}

TEST_CASE_TEMPLATE("mailboxes are bounded by name, sender, bytes and in all", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  std::string expected;
  SUBCASE("messages of a name") {
    options.mailboxes.messages = 2;
    expected = "stored stored error";
  }
  SUBCASE("bytes of a name") {
    options.mailboxes.bytes = 1000;
    expected = "stored error error";
  }
  SUBCASE("bytes of an address") {
    options.mailboxes.total_bytes = 4 * 1000;
    expected = "stored error error";
  }
  SUBCASE("messages of a sender") {
    options.mailboxes.per_sender = 1;
    expected = "stored error error";
  }
  World world(options);
  Person bob(world, "bob", 1);
  const std::string text(400, 'x');
  for (int i = 0; i < 3; ++i) bob.tell("a", text);
  CHECK(bob.log->types() == expected);
  CHECK(bob.last()["code"] == "mailbox_full");
  CHECK(bob.last()["to"] == "@a");
  world.advance(61s);
  bob.tell("a", text);
  CHECK_MESSAGE(bob.last()["type"] == "stored", "what has expired counts no longer");
  CHECK(world.names() == 1);
}

TEST_CASE_TEMPLATE("a session that ends while its login is on the way holds no name", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  for (const char* name : {"a", "b", "c", "d"}) {
    Person alice(world, std::string("alice-") + name, 0);
    alice.client.paused = true;
    alice.login(name);
    world.turn(0);
    alice.client.session()->end(session::End::left);
    world.run();
  }
  CHECK(world.names() == 0);
  CHECK(world.sessions() == 0);
}
