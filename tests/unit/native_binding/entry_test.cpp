#include "native_binding/entry.h"

#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

TEST_CASE_TEMPLATE("a session lives where its room lives, else where its client arrived", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 2);
  alice.stream(R"({"open":{"room":"r"}})");
  CHECK(alice.session()->id().shard == bus::home_of("r", world.shards(), World::kHomeSecret));
  Client bob(world, "bob", 2);
  bob.stream(R"({"open":{"name":"bob"}})");
  CHECK(bob.session()->id().shard == 2 % world.shards());
}

TEST_CASE_TEMPLATE("a resume never creates", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  const auto refusal = [&](std::string_view request) {
    const auto reply = std::make_shared<ReplyLog>();
    alice.stream(request, reply);
    return reply->refusal();
  };
  CHECK(refusal(R"({"resume":{}})") == "unknown_key");
  CHECK(refusal(R"({"resume":{"server":"server-1"}})") == "unknown_key");
  CHECK(refusal(R"({"resume":{"server":"server-0"}})") == "restarted");
  CHECK(alice.upload("{}")->refusal() == "unknown_key");
  CHECK(alice.poll("{}")->refusal() == "unknown_key");
  CHECK(refusal(R"({"open":{}})").empty());
  CHECK(refusal(R"({"resume":{"server":"server-0"}})").empty());
  CHECK(refusal(R"({"open":{},"resume":{}})") == "bad_request");
  CHECK(world.sessions() == 1);
  alice.upload(R"({"messages":[{"n":1,"type":"leave"}]})");
  CHECK(refusal(R"({"resume":{}})") == "gone");
  CHECK(refusal(R"({"resume":{"server":"server-0"}})") == "gone");
  CHECK(refusal(R"({"open":{}})") == "gone");
  CHECK(world.sessions() == 0);
}

TEST_CASE_TEMPLATE("ended keys are remembered for ten minutes", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  alice.stream(R"({"open":{}})");
  alice.upload(R"({"messages":[{"n":1,"type":"leave"}]})");
  world.advance(599s);
  CHECK(alice.upload("{}")->refusal() == "gone");
  world.advance(2s);
  CHECK(alice.upload("{}")->refusal() == "unknown_key");
}

TEST_CASE_TEMPLATE("a repeated open finds the session, and must say the same", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  const auto first = alice.stream(R"({"open":{"room":"r","name":"alice"},"carrier":"a"})");
  alice.here = 0;
  const auto second = alice.stream(R"({"open":{"room":"r","name":"alice"},"carrier":"b"})");
  CHECK(world.sessions() == 1);
  CHECK(first->welcome->peer == second->welcome->peer);
  CHECK(first->types() == "login created");
  CHECK(second->types() == "login created");
  for (const auto* other : {R"({"open":{}})", R"({"open":{"room":"s","name":"alice"}})",
                            R"({"open":{"room":"r","name":"bob"}})",
                            R"({"open":{"room":"r","name":"alice","capacity":2}})",
                            R"({"open":{"room":"r","name":"alice",
                                "replaces":"0123456789012345678901"}})"}) {
    CAPTURE(other);
    CHECK(alice.upload(other)->refusal() == "open_mismatch");
  }
}

TEST_CASE_TEMPLATE("two opens at the same moment make one session", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 0);
  alice.paused = true;
  const auto a = alice.stream(R"({"open":{"name":"alice"},"carrier":"a"})");
  alice.here = 1;
  const auto b = alice.stream(R"({"open":{"name":"alice"},"carrier":"b"})");
  world.run();
  CHECK(world.sessions() == 1);
  CHECK(a->welcome->peer == b->welcome->peer);
}

TEST_CASE_TEMPLATE("a resume that arrives for a session that ends is gone", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  alice.stream(R"({"open":{}})");
  alice.paused = true;
  alice.upload(R"({"messages":[{"n":1,"type":"leave"}]})");
  const auto reply = std::make_shared<ReplyLog>();
  alice.stream(R"({"resume":{},"carrier":"b"})", reply);
  const auto poll = alice.poll(R"({"n":1,"carrier":"p"})");
  const auto open = alice.upload(R"({"open":{}})");
  world.run();
  CHECK(reply->refusal() == "gone");
  CHECK(poll->refusal() == "gone");
  CHECK(open->refusal() == "gone");
  CHECK(world.sessions() == 0);
}

TEST_CASE_TEMPLATE("a session that is never acknowledged ends after 15 seconds", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  std::shared_ptr<StreamLog> log;
  SUBCASE("with no acknowledgement") { log = alice.stream(R"({"open":{"room":"r"}})"); }
  SUBCASE("with one in the request that opens") {
    log = alice.stream(R"({"open":{"room":"r"},"ack":0})");
  }
  SUBCASE("with one in an upload that opens") {
    alice.upload(R"({"open":{"room":"r"},"ack":0})");
    log = alice.stream(R"({"open":{"room":"r"},"ack":0})");
  }
  world.advance(14900ms);
  CHECK_FALSE(log->ended);
  world.advance(200ms);
  CHECK(log->control() == "end no_ack");
  CHECK(alice.upload("{}")->refusal() == "gone");
  CHECK(world.rooms() == 0);
}

TEST_CASE_TEMPLATE("one acknowledgement, also of nothing, keeps the session", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  const auto log = alice.stream(R"({"open":{"room":"r"}})");
  alice.upload(R"({"ack":0})");
  world.advance(1min);
  CHECK_FALSE(log->ended);
}

TEST_CASE_TEMPLATE("a person's session ends with its connection", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Client person(world, "", 1);
  person.key = "";
  const auto log = person.stream(R"({"open":{"room":"r"}})");
  CHECK(log->welcome->key == person.key);
  CHECK(session::hash_key(log->welcome->key) == person.session()->contents().key);
  CHECK(log->welcome->active);
  CHECK(log->types() == "created");
  CHECK_MESSAGE(person.session()->outbox().bytes() == 0, "written counts as acknowledged");
  world.advance(10min);
  REQUIRE_FALSE(log->ended);
  const auto id = person.session()->id();

  SUBCASE("at once") {
    person.cut();
    CHECK(person.session() == nullptr);
    CHECK(world.rooms() == 0);
  }
  SUBCASE("unless somebody has quoted its key") {
    person.upload("{}");
    person.cut();
    CHECK(person.session()->id() == id);
    world.advance(121s);
    CHECK(person.session() == nullptr);
  }
  SUBCASE("also by opening with it") {
    person.upload(R"({"open":{"room":"r"}})");
    person.cut();
    CHECK(person.session() != nullptr);
  }
  SUBCASE("and what it acknowledges itself is what counts from then on") {
    person.upload(R"({"ack":1})");
    person.say(R"({"type":"chat"})");
    CHECK(log->types() == "created error");
    CHECK(person.session()->outbox().last() == 2);
    CHECK(person.session()->outbox().acknowledged() == 1);
  }
}

TEST_CASE_TEMPLATE("a person's session lives 30 seconds after its poll", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client person(world, "", 1);
  person.key = "";
  const auto reply = person.poll(R"({"open":{"room":"r"}})");
  CHECK(reply->answers == 1);
  CHECK(reply->types() == "created");
  CHECK(reply->answer->at("welcome").at("key") == person.key);
  const auto key = session::hash_key(person.key);
  world.advance(29s);
  CHECK(world.shared.directory.find(key, world.now()).state == session::Directory::State::live);
  world.advance(2s);
  CHECK(world.shared.directory.find(key, world.now()).state == session::Directory::State::ended);
}

TEST_CASE("sessions of one address are limited, and counted down when they end") {
  World world({.shards = 2, .sessions_per_address = 2});
  Client a(world, "a", 0);
  Client b(world, "b", 1);
  Client c(world, "c", 0);
  a.upload(R"({"open":{}})");
  b.upload(R"({"open":{}})");
  CHECK(a.upload(R"({"open":{}})")->refusal().empty());
  CHECK(c.upload(R"({"open":{}})")->refusal() == "too_many_sessions");
  c.address = "another";
  CHECK(c.upload(R"({"open":{}})")->refusal().empty());
  for (const char* ip : {"2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"}) {
    Client v6(world, ip + std::string("-"), 0);
    v6.key = "v6-" + std::to_string(std::hash<std::string>{}(ip)) + "-0123456789abcdefghij";
    v6.address = ip;
    CHECK_MESSAGE(v6.upload(R"({"open":{}})")->refusal() ==
                      (ip == std::string_view("2001:db8::3") ? "too_many_sessions" : ""),
                  ip);
  }
  a.upload(R"({"messages":[{"n":1,"type":"leave"}]})");
  Client d(world, "d", 0);
  CHECK(d.upload(R"({"open":{}})")->refusal().empty());
}

TEST_CASE_TEMPLATE("joins of one address are limited, by `open` and by `join`", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.join_rate = 1;
  options.settings.join_burst = 4;
  World world(options);
  std::vector<std::unique_ptr<Client>> clients;
  const auto client = [&](const std::string& address) -> Client& {
    const auto number = static_cast<unsigned>(clients.size());
    clients.push_back(std::make_unique<Client>(world, "c" + std::to_string(number), number));
    clients.back()->address = address;
    return *clients.back();
  };
  auto& first = client("2001:db8::1");
  const auto log = first.stream(R"({"open":{"room":"a"},"carrier":"c","turn":1})");
  first.upload(R"({"ack":1})");
  CHECK(first.upload(R"({"open":{"room":"a"}})")->refusal().empty());
  for (const char* room : {"b", "c", "d", "e"})
    first.say(Json{{"type", "join"}, {"room", room}}.dump());
  CHECK(log->types() == "created created created created error");
  CHECK(log->events.back()["code"] == "rate_limited");
  CHECK(log->events.back()["re"] == 4);
  const std::string hint = log->events.back()["hint"];
  CHECK(hint.find("--join-rate") != std::string::npos);
  CHECK_MESSAGE(
      client("2001:db8::2").upload(R"({"open":{"room":"f"}})")->refusal() == "rate_limited",
      "a new session is no new address");
  CHECK(client("2001:db8::3").upload(R"({"open":{}})")->refusal().empty());
  CHECK(client("10.0.0.1").upload(R"({"open":{"room":"f"}})")->refusal().empty());
  world.advance(1100ms);
  CHECK(client("2001:db8::4").upload(R"({"open":{"room":"f"}})")->refusal().empty());
}

TEST_CASE("a session that opens from two addresses at once counts for one, and counts down there") {
  World world({.shards = 3, .sessions_per_address = 1});
  Client alice(world, "alice", 0);
  // The request that was the first to look the key up is the last to arrive at the session's shard.
  alice.paused = true;
  alice.address = "v6";
  alice.here = 0;
  alice.upload(R"({"open":{}})");
  auto late = std::exchange(world.runner(0).tasks, {});
  alice.address = "v4";
  alice.upload(R"({"open":{}})");
  world.run();
  REQUIRE(world.sessions() == 1);

  SUBCASE("though it came late") {
    late.front()();
    alice.say(R"({"type":"leave"})");
    world.run();
  }
  SUBCASE("though it came after the end") {
    alice.say(R"({"type":"leave"})");
    world.run();
    late.front()();
  }
  world.run();
  CHECK(world.sessions() == 0);
  for (const char* ip : {"v4", "v6"}) {
    CAPTURE(ip);
    CHECK(world.shared.addresses.try_add(base::AddressKey::parse(ip)));
    CHECK_FALSE(world.shared.addresses.try_add(base::AddressKey::parse(ip)));
  }
}

TEST_CASE_TEMPLATE("a draining server takes no opens and resumes, but uploads", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Client alice(world, "alice", 1);
  const auto log = alice.stream(R"({"open":{"room":"r"},"turn":1})");
  world.context.draining = true;
  for (unsigned i = 0; i < world.shards(); ++i) world.hub(i).drain(1s);
  world.advance(2s);
  CHECK(log->control() == "end draining");
  CHECK(alice.upload(R"({"ack":1})")->refusal().empty());
  const auto reply = std::make_shared<ReplyLog>();
  alice.stream(R"({"resume":{}})", reply);
  CHECK(reply->refusal() == "draining");
  Client bob(world, "bob", 0);
  CHECK(bob.upload(R"({"open":{}})")->refusal() == "draining");
}

TEST_CASE("a heartbeat is at least a second and at most the server's") {
  session::Settings settings;
  settings.heartbeat = 20s;
  World world(World::Options{.settings = settings});
  Client alice(world, "alice");
  const auto heartbeat = [&](const std::string& request) {
    return alice.stream(request)->welcome->heartbeat_ms;
  };
  CHECK(heartbeat(R"({"open":{}})") == 20000);
  CHECK(heartbeat(R"({"open":{},"heartbeat":5000})") == 5000);
  CHECK(heartbeat(R"({"open":{},"heartbeat":1000})") == 1000);
  CHECK(heartbeat(R"({"open":{},"heartbeat":40000})") == 20000);
  CHECK(heartbeat(R"({"open":{},"heartbeat":9007199254740991})") == 20000);
}

TEST_CASE("the welcome says where the client stands") {
  World world;
  Client alice(world, "alice");
  const auto first = alice.stream(R"({"open":{"room":"r"},"carrier":"a"})")->welcome;
  CHECK(first->server == "server-1");
  CHECK(first->carrier == "a");
  CHECK(first->key.empty());
  CHECK_FALSE(first->active);
  CHECK(first->turn == 0);
  CHECK(first->up == 0);
  CHECK(first->next == 1);
  CHECK(first->resume_ms == 120'000);
  alice.upload(R"({"carrier":"a","turn":3,"ack":1,"messages":[{"n":1,"type":"chat"}]})");
  const auto second = alice.stream(R"({"resume":{},"carrier":"b"})")->welcome;
  CHECK_FALSE(second->active);
  CHECK(second->turn == 3);
  CHECK(second->up == 1);
  CHECK(second->next == 2);
  const auto third = alice.stream(R"({"resume":{},"carrier":"c","turn":4,"ack":2})")->welcome;
  CHECK(third->active);
  CHECK(third->turn == 4);
  CHECK(third->next == 3);
}

TEST_CASE("a cursor beyond what was written is refused and changes nothing") {
  World world;
  Client alice(world, "alice");
  alice.stream(R"({"open":{"room":"r"},"carrier":"a"})");
  const auto reply = std::make_shared<ReplyLog>();
  alice.stream(R"({"resume":{},"carrier":"b","ack":2})", reply);
  CHECK(reply->refusal() == "bad_cursor");
  CHECK(reply->error->expected == 1);
  CHECK(alice.poll(R"({"carrier":"p","ack":2})")->refusal() == "bad_cursor");
  const auto upload = alice.upload(R"({"ack":2,"messages":[{"n":1,"type":"chat"}]})");
  CHECK(upload->refusal() == "bad_cursor");
  CHECK(alice.session()->up() == 0);
  CHECK(alice.session()->outbox().acknowledged() == 0);
}

TEST_CASE("a name of a carrier is of one kind") {
  World world;
  Client alice(world, "alice");
  alice.stream(R"({"open":{},"carrier":"a"})");
  CHECK(alice.poll(R"({"carrier":"a","n":1})")->refusal() == "carrier_mismatch");
  alice.poll(R"({"carrier":"p","n":1})");
  const auto reply = std::make_shared<ReplyLog>();
  alice.stream(R"({"resume":{},"carrier":"p"})", reply);
  CHECK(reply->refusal() == "carrier_mismatch");
}
