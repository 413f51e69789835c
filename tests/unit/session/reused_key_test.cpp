// A key that may be used again, in the moment in which its session ends.
#include <doctest/doctest.h>

#include "raw/raw.h"
#include "session/successors.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using session::End;

TEST_CASE_TEMPLATE("a connection for a session that is just ending gets another one", Shards,
                   OneShard, ThreeShards) {
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

TEST_CASE_TEMPLATE("a session that may not be made again leaves nothing behind", Shards, OneShard,
                   ThreeShards) {
  World world({.shards = Shards::value, .sessions_per_address = 1});
  PlainClient ann(world, dialects::raw::protocol(), "ann", dialects::plain::kSocket);
  ann.attach();
  const auto before = ann.session()->id();
  const auto address = base::AddressKey::parse(ann.address);
  world.runner(0).run_on(before.shard, [&] {
    world.hub(before.shard).end(before.serial, End::left);
    CHECK(world.shared.addresses.try_add(address));  // another client of the address was faster
  });
  const auto log = ann.attach();
  CHECK(code_of(log->error) == "too_many_sessions");
  CHECK(world.sessions() == 0);
  CHECK(world.shared.directory.live() == 0);
  world.shared.addresses.subtract(address);
  CHECK_FALSE(ann.attach()->error);
  CHECK(world.sessions() == 1);
}

TEST_CASE("the successors of sessions are forgotten with them") {
  session::Successors successors;
  successors.add(1, 5);
  successors.add(2, 5);
  successors.add(2, 5);
  successors.add(3, 6);
  CHECK(successors.of(1) == 5);
  CHECK(successors.of(2) == 5);
  CHECK(successors.of(5) == 0);
  successors.forget(4);
  CHECK(successors.size() == 3);
  successors.forget(5);
  CHECK(successors.of(1) == 0);
  CHECK(successors.of(3) == 6);
  successors.forget(6);
  CHECK(successors.size() == 0);
}
