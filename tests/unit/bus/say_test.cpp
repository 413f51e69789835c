// What a dialect may ask of a message and of a room beyond what sigway.v1 has words for.
#include <doctest/doctest.h>

#include "channel/channel.h"
#include "login/login.h"
#include "raw/raw.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using Frames = std::vector<std::string>;

TEST_CASE_TEMPLATE("a message with an echo reaches its sender as well", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  PlainClient ann(world, dialects::raw::protocol(), "ann", dialects::plain::kVisitor, 0);
  PlainClient bob(world, dialects::raw::protocol(), "bob", dialects::plain::kVisitor, 1);
  const auto anns = ann.attach();
  ann.say("alone");
  CHECK(anns->frames == Frames{"alone"});  // it is not nobody
  const auto bobs = bob.attach();
  ann.say("both");
  CHECK(anns->frames == Frames{"alone", "both"});
  CHECK(bobs->frames == Frames{"both"});
  ann.echo = false;
  ann.say("others");
  CHECK(anns->frames == Frames{"alone", "both"});
  CHECK(bobs->frames == Frames{"both", "others"});
}

TEST_CASE_TEMPLATE("a message that is not to be kept is refused if nobody has the name", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Client ann(world, "ann", 1);
  const auto log = ann.stream(R"({"open":{},"carrier":"c","turn":1})");
  ann.upload(R"({"ack":0})");
  const auto say = [&](bool store) {
    session::Inputs inputs;
    inputs.messages.push_back(
        {std::nullopt,
         dialects::Command(dialects::Say{
             .type = "bye", .to = {{dialects::Address::Kind::name, "nobody"}}, .store = store})});
    ann.session()->process(std::move(inputs));
    world.run();
  };
  const auto stored = [&] {
    std::size_t sum = 0;
    for (base::ShardIndex i = 0; i < world.shards(); ++i) sum += world.node(i).names().stored();
    return sum;
  };
  say(false);
  CHECK(log->events.back()["code"] == "nobody_there");
  CHECK(log->events.back()["to"] == "@nobody");
  CHECK(log->events.back()["re"] == 1);
  CHECK(stored() == 0);
  CHECK_MESSAGE(world.names() == 0, "and the name leaves no row");
  say(true);
  CHECK(log->events.back()["type"] == "stored");
  CHECK(stored() == 1);
  say(false);
  CHECK(log->events.back()["code"] == "nobody_there");
  CHECK_MESSAGE(stored() == 1, "beside what waits there");

  Client other(world, "other", 2);
  const auto others = other.stream(R"({"open":{"name":"nobody"},"carrier":"c","turn":1})");
  other.upload(R"({"ack":1})");
  CHECK(others->types() == "bye login");
  say(false);
  CHECK_MESSAGE(others->types() == "bye login bye", "a holder gets it as any other");
}

TEST_CASE("anybody may ask how many are in a room") {
  for (const unsigned shards : {1U, 3U}) {
    World world(shards);
    PlainClient ann(world, dialects::channel::protocol(), "ann");
    PlainClient bob(world, dialects::channel::protocol(), "bob");
    ann.attach();
    const auto log = bob.attach();
    const auto looks = [&] {
      bob.say(R"({"checkPresence":true,"channel":"c"})");
      return log->last_frame();
    };
    CHECK(looks() == R"({"isChannelPresent":false})");
    ann.say(R"({"open":true,"channel":"c"})");
    CHECK(looks() == R"({"isChannelPresent":true})");
    ann.cut();
    world.advance(std::chrono::minutes(1));
    CHECK(looks() == R"({"isChannelPresent":false})");
  }
}

TEST_CASE_TEMPLATE("a quiet room tells nobody who is there, and refuses at once when it is full",
                   Shards, OneShard, ThreeShards) {
  World::Options options;
  options.shards = Shards::value;
  options.settings.max_room_capacity = 2;
  options.settings.join_rate = 1;
  options.settings.join_burst = 2;
  World world(options);
  const auto session_of = [&](const std::string& key) {
    const auto found = world.shared.directory.find(session::hash_key(key), world.now());
    return found.id ? world.hub(found.id.shard).find(found.id.serial) : nullptr;
  };
  const auto enter = [&](const std::string& key) {
    session::Inputs inputs;
    inputs.messages.emplace_back().content = dialects::Command(
        dialects::Join{.room = "lobby", .capacity = dialects::Join::kLargest, .quiet = true});
    CHECK_FALSE(session_of(key)->process(std::move(inputs)));
    world.run();
  };
  // One of sigway.v1 hears all that there is to hear.
  Client watcher(world, "watcher");
  const auto log = watcher.stream(R"({"open":{},"carrier":"c","turn":1})");
  watcher.upload(R"({"ack":0})");
  enter(watcher.key);
  REQUIRE(log->types() == "created");
  PlainClient bob(world, dialects::login::protocol(), "bob", dialects::plain::kSocket, 1);
  PlainClient eve(world, dialects::login::protocol(), "eve", dialects::plain::kSocket, 2);
  for (int i = 0; i < 5; ++i) {
    bob.attach();
    enter(bob.key);
    CHECK_MESSAGE(bob.session()->rooms().size() == 1, "nobody counts how often");
    eve.attach();
    enter(eve.key);
    CHECK(eve.session() == nullptr);  // it is of no use without its room
    bob.cut();
    CHECK(bob.session() == nullptr);
  }
  CHECK(log->types() == "created");
}

TEST_CASE("a room may be as large as the server allows") {
  World::Options options;
  options.settings.max_room_capacity = 3;
  World world(options);
  PlainClient ann(world, dialects::raw::protocol(), "ann");
  ann.attach();
  Client native(world, "native");
  const auto log = native.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
  native.upload(R"({"ack":1})");
  CHECK(log->events.front()["type"] == "joined");
  CHECK(log->events.front()["capacity"] == 3);
  PlainClient bob(world, dialects::raw::protocol(), "bob");
  CHECK_FALSE(bob.attach()->end);
  native.heard();
  PlainClient eve(world, dialects::raw::protocol(), "eve");
  CHECK(eve.attach()->end == session::End::full);
}

TEST_CASE("a client cannot ask for that with a number") {
  World world;
  Client native(world, "native");
  const auto reply = std::make_shared<ReplyLog>();
  const auto log =
      native.stream(R"({"open":{"room":"r","capacity":4294967295},"carrier":"c","turn":1})", reply);
  const bool refused =
      reply->refusal() == "bad_capacity" ||
      (!log->events.empty() && log->events.front().value("code", "") == "bad_capacity");
  CHECK(refused);
}
