// A session that was opened for a name is of no use without it.
#include <doctest/doctest.h>

#include "libdatachannel/libdatachannel.h"
#include "login/login.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using session::End;

namespace {

struct Named {
  Named(World& world, const std::string& key, const std::string& id, base::ShardIndex here,
        const dialects::Traits& traits = dialects::plain::kSocket)
      : client(world, dialects::libdatachannel::protocol(), key, traits, here) {
    client.room = id;
    log = client.attach();
  }
  PlainClient client;
  std::shared_ptr<FrameLog> log;
};

}  // namespace

TEST_CASE_TEMPLATE("a name at the entrance is the session's as long as it lives", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Named ann(world, "ann", "4zHk", 0);
  CHECK(world.names() == 1);
  ann.client.say(R"({"id":"4zHk","type":"x"})");
  CHECK(ann.log->last_frame() == R"({"id":"4zHk","type":"x"})");
  ann.client.cut();
  CHECK(world.names() == 0);
}

TEST_CASE_TEMPLATE("who finds its name taken ends; what it has said meanwhile is lost", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Named ann(world, "ann", "4zHk", 0);
  world.advance(2s);  // or it would count as alive at once
  Named bob(world, "bob", "4zHk", 1);
  CHECK(ann.log->probes == 1);
  CHECK_FALSE(bob.log->end);
  bob.client.say(R"({"id":"4zHk","type":"from bob"})");
  ann.client.session()->heard();  // the answer to the probe
  world.run();
  CHECK(bob.log->end == End::name_taken);
  CHECK(bob.client.session() == nullptr);
  CHECK(world.shared.ends[static_cast<std::size_t>(End::name_taken)] == 1);
  CHECK(ann.log->frames.empty());
  CHECK_FALSE(ann.log->end);
  Named eve(world, "eve", "another", 2);
  CHECK_FALSE(eve.log->end);
}

TEST_CASE_TEMPLATE("a name is free although its holder, which is gone, was heard a moment ago",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Named ann(world, "ann", "4zHk", 0);
  ann.client.session()->heard();
  Named bob(world, "bob", "4zHk", 1);  // before the server has read that ann has closed
  CHECK(ann.log->probes == 1);
  SUBCASE("the connection has ended") {
    ann.client.cut();
    CHECK_FALSE(bob.log->end);
    CHECK(bob.client.session() != nullptr);
  }
  SUBCASE("the connection is there: an answer stands for a second") {
    ann.client.session()->heard();
    world.run();
    CHECK(bob.log->end == End::name_taken);
    world.advance(900ms);
    Named eve(world, "eve", "4zHk", 2);
    CHECK(eve.log->end == End::name_taken);
    CHECK(ann.log->probes == 1);
    world.advance(200ms);
    Named dan(world, "dan", "4zHk", 2);
    CHECK_FALSE(dan.log->end);
    CHECK(ann.log->probes <= 2);
  }
  CHECK(world.names() == 1);
}

TEST_CASE_TEMPLATE("a holder that does not answer loses the name, and ends", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Named ann(world, "ann", "4zHk", 0);
  world.advance(2s);
  Named bob(world, "bob", "4zHk", 1);
  bob.client.say(R"({"id":"4zHk","type":"mine"})");
  world.advance(10s);
  CHECK(ann.log->end == End::name_taken);
  CHECK(ann.client.session() == nullptr);
  CHECK_FALSE(bob.log->end);
  CHECK(bob.log->last_frame() == R"({"id":"4zHk","type":"mine"})");
  CHECK(world.names() == 1);
  bob.client.cut();
  CHECK(world.names() == 0);
}

TEST_CASE("a name that is asked for later is no reason to end") {
  World world(1U);
  Named ann(world, "ann", "taken", 0);
  PlainClient guest(world, dialects::login::protocol(), "guest", dialects::plain::kSocket);
  const auto log = guest.attach();
  guest.say(R"({"type":"login","name":"taken"})");
  ann.client.session()->heard();  // the answer to the probe
  world.advance(1s);
  CHECK(log->last_frame() == R"({"type":"login","success":false})");
  CHECK_FALSE(log->end);
}

TEST_CASE("it lives on when it gives the name back, or is refused another one") {
  World world(1U);
  Named holder(world, "holder", "taken", 0);
  Named ann(world, "ann", "4zHk", 0);
  const auto ask = [&](dialects::Command command) {
    session::Inputs inputs;
    inputs.messages.push_back({std::nullopt, std::move(command)});
    CHECK_FALSE(ann.client.process(std::move(inputs)));
  };
  SUBCASE("refused") {
    ask(dialects::Login{holder.client.contents().name});
    CHECK(world.names() == 2);
  }
  SUBCASE("given back") {
    ask(dialects::Logout{});
    CHECK(world.names() == 1);
  }
  CHECK(ann.client.session() != nullptr);
  CHECK_FALSE(ann.log->end);
}

TEST_CASE("others live on without their names") {
  static constexpr dialects::Traits kElse{
      .acknowledges = false, .activates = false, .linger = 1min};
  World world(1U);
  Named ann(world, "ann", "4zHk", 0);
  Named bob(world, "bob", "4zHk", 0, kElse);
  CHECK(bob.client.session() != nullptr);
  CHECK_FALSE(bob.log->end);
}
