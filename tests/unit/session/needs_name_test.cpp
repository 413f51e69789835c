// A session that is of no use without the name that it was opened for.
#include <doctest/doctest.h>

#include "login/login.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

constexpr dialects::Traits kNeedsName{.acknowledges = false,
                                      .activates = false,
                                      .resumes = false,
                                      .reuses_key = true,
                                      .needs_name = true,
                                      .linger = std::chrono::minutes(1)};

/// A session that opens with a name.
struct Opened {
  Opened(World& in, std::string_view key, const std::string& wanted, base::ShardIndex on,
         const dialects::Traits& traits = kNeedsName)
      : world(in),
        contents{.key = session::hash_key(key),
                 .room = {},
                 .name = wanted,
                 .replaces = {},
                 .dialect = &dialects::login::protocol().dialect(),
                 .traits = &traits,
                 .address = {}},
        log(std::make_shared<FrameLog>()),
        here(on % in.shards()) {
    auto located = binding::locate_to_open(world.context, contents, here, world.now());
    auto& hub = world.hub(here);
    const auto opened = binding::enter(hub, std::get<binding::Located>(located));
    auto& session = *std::get<session::Session*>(opened);
    serial = session.id().serial;
    const auto carrier = session.open_carrier(
        "c", [] { return std::make_unique<session::StreamCarrier>(session::StreamOptions{}); });
    dynamic_cast<session::StreamCarrier&>(*std::get<session::Carrier*>(carrier))
        .attach(1, std::make_unique<FrameSink>(log), 0, {}, world.now());
    session.carriers_changed();
    world.run();
  }
  session::Session* session() { return world.hub(here).find(serial); }

  World& world;
  session::OpenContents contents;
  std::shared_ptr<FrameLog> log;
  base::ShardIndex here;
  std::uint64_t serial = 0;
};

}  // namespace

TEST_CASE_TEMPLATE("it ends when somebody else holds the name", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Opened first(world, "first", "alice", 0);
  REQUIRE(first.session());
  Opened second(world, "second", "alice", 1);
  CHECK(second.session() == nullptr);
  CHECK(second.log->end == session::End::name_taken);
  CHECK(first.session() != nullptr);
  CHECK(world.shared.ends[static_cast<std::size_t>(session::End::name_taken)] == 1);
  Opened third(world, "third", "bob", 1);
  CHECK(third.session() != nullptr);
}

TEST_CASE_TEMPLATE("it ends when somebody else gets the name, because it answers nothing", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Opened first(world, "first", "alice", 0);
  world.advance(2s);
  Opened second(world, "second", "alice", 1);
  CHECK(first.log->probes == 1);
  world.advance(11s);
  CHECK(first.session() == nullptr);
  CHECK(first.log->end == session::End::name_taken);
  CHECK(second.session() != nullptr);
  CHECK(second.log->last_frame() == R"({"type":"login","success":true})");
}

TEST_CASE("it lives on when it gives the name back, or is refused another one") {
  World world;
  Opened holder(world, "holder", "bob", 0);
  Opened first(world, "first", "alice", 0);
  const auto send = [&](dialects::Command command) {
    session::Inputs inputs;
    inputs.messages.push_back({std::nullopt, std::move(command)});
    first.session()->process(std::move(inputs));
    world.run();
  };
  SUBCASE("another one") { send(dialects::Login{"bob"}); }
  SUBCASE("given back") { send(dialects::Logout{}); }
  CHECK(first.session() != nullptr);
  CHECK_FALSE(first.log->end);
}

TEST_CASE("others live on without their names") {
  static constexpr dialects::Traits kElse{
      .acknowledges = false, .activates = false, .linger = std::chrono::minutes(1)};
  World world;
  Opened first(world, "first", "alice", 0);
  Opened second(world, "second", "alice", 0, kElse);
  CHECK(second.session() != nullptr);
  CHECK(second.log->last_frame() == R"({"type":"login","success":false})");
}
