// A key that may be used again, in the moment in which its session ends.
#include <doctest/doctest.h>

#include "raw/raw.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using session::End;

TEST_CASE_TEMPLATE("who comes for a session that is just ending gets another one", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  PlainClient ann(world, dialects::raw::protocol(), "ann", dialects::plain::kSocket);
  PlainClient bob(world, dialects::raw::protocol(), "bob", dialects::plain::kSocket, 1);
  const auto heard = bob.attach();
  ann.attach();
  const auto before = ann.session()->id();
  auto& hub = world.hub(before.shard);
  // On its way to the shard before the connection, which has found the session alive.
  world.runner(0).run_on(before.shard, [&] { hub.end(before.serial, End::left); });
  const auto log = ann.attach();
  CHECK_FALSE(log->error);
  CHECK_FALSE(log->end);
  REQUIRE(ann.session() != nullptr);
  CHECK_FALSE(ann.session()->id() == before);
  ann.say("hello");
  CHECK(heard->last_frame() == "hello");
  CHECK(world.sessions() == 2);

  // What the connection knows of it is the session that it came for.
  CHECK(hub.find(before.serial) == ann.session());
  hub.end(before.serial, End::left);
  CHECK_MESSAGE(ann.session() != nullptr, "the bus means the one that has ended");
  ann.session()->end(End::left);
  world.run();
  CHECK(hub.find(before.serial) == nullptr);
  CHECK(world.sessions() == 1);
}
