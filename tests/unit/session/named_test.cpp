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
  Named(World& world, const std::string& key, const std::string& id, base::ShardIndex here)
      : client(world, dialects::libdatachannel::protocol(), key, dialects::plain::kSocket, here) {
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
  CHECK(ann.log->frames.empty());
  CHECK_FALSE(ann.log->end);
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
  world.advance(1s);
  CHECK(log->last_frame() == R"({"type":"login","success":false})");
  CHECK_FALSE(log->end);
}
