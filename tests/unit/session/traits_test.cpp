// How a client behaves is a value of its dialect: what its session makes of it.
#include <doctest/doctest.h>

#include "login/login.h"
#include "raw/raw.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using session::End;

namespace {

const auto& kRaw = dialects::raw::protocol();
const auto& kLogin = dialects::login::protocol();

World::Options rooms_for(std::uint32_t members) {
  World::Options options;
  options.settings.max_room_capacity = members;
  return options;
}

std::uint64_t ended_by(World& world, End reason) {
  return world.shared.ends[static_cast<std::size_t>(reason)];
}

/// As a visitor, but content without its room.
constexpr dialects::Traits kRoomless{.acknowledges = false,
                                     .activates = false,
                                     .answers_probes = false,
                                     .resumes = false,
                                     .needs_room = false,
                                     .linger = std::chrono::seconds(30),
                                     .replay = 1000};

}  // namespace

TEST_CASE("who has lost its name to somebody else goes on without it, or ends") {
  auto evictable = dialects::plain::kSocket;
  World world(1);
  PlainClient first(world, kLogin, "first", evictable);
  PlainClient second(world, kLogin, "second");
  SUBCASE("goes on") {}
  SUBCASE("ends") { evictable.ends_when_evicted = true; }
  const auto log = first.attach();
  first.say(R"({"type":"login","name":"ann"})");
  REQUIRE(log->last_frame() == R"({"type":"login","success":true})");
  world.advance(10s);
  const auto other = second.attach();
  second.say(R"({"type":"login","name":"ann"})");
  CHECK(other->frames.empty());
  world.advance(20s);
  CHECK(other->last_frame() == R"({"type":"login","success":true})");
  CHECK((first.session() == nullptr) == evictable.ends_when_evicted);
  if (evictable.ends_when_evicted) CHECK(log->end == End::replaced);
}

TEST_CASE("who finds the room full that it needs ends; another goes on") {
  World world(rooms_for(1));
  PlainClient first(world, kRaw, "first");
  PlainClient second(world, kRaw, "second");
  const auto there = first.attach();
  REQUIRE(first.session());
  SUBCASE("needs it") {
    const auto log = second.attach();
    CHECK(log->end == End::full);
    CHECK(log->frames.empty());
    CHECK(second.session() == nullptr);
    CHECK(ended_by(world, End::full) == 1);
    CHECK(second.attach()->end == End::full);
    CHECK_MESSAGE(ended_by(world, End::full) == 2, "its key may ask again");
  }
  SUBCASE("does not") {
    second.traits = &kRoomless;
    const auto log = second.attach();
    CHECK_FALSE(log->end);
    CHECK(second.session() != nullptr);
  }
  CHECK_FALSE(there->end);
  CHECK(first.session() != nullptr);
  CHECK(world.rooms() == 1);
}

TEST_CASE("who loses its place in the room that it needs ends") {
  World world(rooms_for(1));
  PlainClient first(world, kRaw, "first");
  PlainClient second(world, kRaw, "second");
  bool needs = true;
  SUBCASE("needs it") {}
  SUBCASE("does not") {
    needs = false;
    first.traits = &kRoomless;
  }
  first.attach();
  first.cut();
  world.advance(11s);
  REQUIRE_MESSAGE(first.session() != nullptr, "suspended, which its place does not outlive");
  const auto log = second.attach();
  CHECK_FALSE(log->end);
  if (needs) {
    CHECK(first.session() == nullptr);
    CHECK(ended_by(world, End::full) == 1);
  } else {
    CHECK(first.session() != nullptr);
  }
  second.say("mine");
  CHECK(log->frames == std::vector<std::string>{"mine"});
}

TEST_CASE("a session that cannot resume outlives its last connection by its linger") {
  World world;
  PlainClient client(world, kRaw, "client");
  SUBCASE("none") {
    client.traits = &dialects::plain::kSocket;
    client.attach();
    world.advance(1h);
    REQUIRE(client.session());
    client.cut();
    CHECK(ended_by(world, End::left) == 1);
  }
  SUBCASE("half a minute, as often as it likes") {
    auto log = client.attach();
    for (int i = 0; i < 3; ++i) {
      client.cut();
      world.advance(29s);
      REQUIRE(client.session());
      log = client.attach();
      CHECK_FALSE(log->error);
    }
    client.cut();
    world.advance(29900ms);
    REQUIRE(client.session());
    world.advance(200ms);
    CHECK(ended_by(world, End::left) == 1);
    CHECK(world.rooms() == 0);
  }
  SUBCASE("with its connection it needs no acknowledgement to live") {
    client.attach();
    world.advance(1h);
    CHECK(client.session() != nullptr);
  }
}

TEST_CASE(
    "the newest connection of a client that activates nothing is the one that gets the events") {
  World world;
  PlainClient client(world, kRaw, "client");
  const auto first = client.attach();
  CHECK(client.session()->turn() == 1);
  client.say("one");
  CHECK(first->frames == std::vector<std::string>{"one"});
  const auto second = client.attach(1);
  CHECK(first->end == End::moved);
  client.say("two");
  CHECK(first->frames.size() == 1);
  CHECK(second->frames == std::vector<std::string>{"two"});
}

TEST_CASE("a holder that cannot answer a probe is there while it is connected") {
  World world;
  PlainClient holder(world, kLogin, "holder");
  PlainClient other(world, kLogin, "other");
  const auto attach = [&](const dialects::Traits& traits) {
    holder.traits = &traits;
    auto log = holder.attach();
    holder.say(R"({"type":"login","name":"n"})");
    CHECK(log->last_frame() == R"({"type":"login","success":true})");
    world.advance(5s);
    return log;
  };
  const auto others = other.attach();
  SUBCASE("it is not asked, and keeps its name") {
    const auto log = attach(dialects::plain::kVisitor);
    other.say(R"({"type":"login","name":"n"})");
    CHECK(log->probes == 0);
    CHECK_MESSAGE(others->last_frame() == R"({"type":"login","success":false})", "at once");
  }
  SUBCASE("without a connection it is not there") {
    attach(dialects::plain::kVisitor);
    holder.cut();
    world.advance(1s);
    other.say(R"({"type":"login","name":"n"})");
    CHECK(others->frames.empty());
    world.advance(10s);
    CHECK(others->last_frame() == R"({"type":"login","success":true})");
    REQUIRE(holder.session());
    CHECK_MESSAGE(holder.attach(1)->last_frame().find("taken the name n") != std::string::npos,
                  "and hears so");
  }
  SUBCASE("one that can is asked, and must answer") {
    const auto log = attach(dialects::plain::kSocket);
    other.say(R"({"type":"login","name":"n"})");
    CHECK(log->probes == 1);
    CHECK(others->frames.empty());
    SUBCASE("it does") {
      holder.session()->heard();
      world.run();
      CHECK(others->last_frame() == R"({"type":"login","success":false})");
    }
    SUBCASE("it does not") {
      world.advance(10s);
      CHECK(others->last_frame() == R"({"type":"login","success":true})");
    }
  }
}

TEST_CASE("a session goes by what its client shows itself to be") {
  static constexpr dialects::Traits kComesBack{.acknowledges = false, .activates = false};
  World world;
  PlainClient client(world, kRaw, "client", dialects::plain::kSocket);
  client.attach();
  CHECK(&client.session()->traits() == &dialects::plain::kSocket);
  client.session()->behave_as(kComesBack);
  CHECK(&client.session()->traits() == &kComesBack);
  client.cut();
  world.advance(1min);
  REQUIRE_MESSAGE(client.session() != nullptr, "the resume window is 2 minutes");
  CHECK_MESSAGE(!client.attach()->error, "the traits are nothing that two opens must agree about");
  client.cut();
  world.advance(121s);
  CHECK(client.ended() == End::timeout);
}

TEST_CASE("what a client has said is said first, when it is gone before its room has answered") {
  bool speaks = false;
  SUBCASE("it has said something") { speaks = true; }
  SUBCASE("it has said nothing") {}
  for (const base::ShardIndex shards : {1U, 3U}) {
    CAPTURE(shards);
    World world(shards);
    PlainClient first(world, kRaw, "first", dialects::plain::kSocket);
    const auto log = first.attach();
    const auto before = log->frames.size();
    PlainClient second(world, kRaw, "second", dialects::plain::kSocket, 1);
    second.paused = true;
    second.attach();
    for (base::ShardIndex turn = 0; turn < 10 * shards && second.session() == nullptr; ++turn)
      world.turn(turn % shards);
    REQUIRE(second.session() != nullptr);
    REQUIRE_MESSAGE(second.session()->awaits_bus(), "its room has not answered yet");
    if (speaks) {
      CHECK_FALSE(second.say("one"));
      CHECK_FALSE(second.say("two"));
    }
    second.cut();
    if (!speaks) CHECK_MESSAGE(second.session() == nullptr, "there is nothing to wait for");
    world.run();
    const std::vector<std::string> heard(log->frames.begin() + static_cast<std::ptrdiff_t>(before),
                                         log->frames.end());
    const std::vector<std::string> said{"one", "two"};
    CHECK(heard == (speaks ? said : std::vector<std::string>{}));
    CHECK(second.session() == nullptr);
    CHECK(ended_by(world, End::left) == 1);
    CHECK(world.shared.memory.used(base::MemoryPart::inbox) == 0);
  }
}
