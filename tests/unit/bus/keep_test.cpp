// What a member says while it is alone in its room, and asks to be kept.
#include <doctest/doctest.h>

#include <string>

#include "bus/kept.h"
#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Room {
  explicit Room(const World::Options& options) : world(options) {}

  std::shared_ptr<StreamLog> enter(Client& client) {
    auto log = client.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
    client.upload(R"({"ack":1})");
    return log;
  }
  static void say(World& world, Client& client, std::string text, bool keep = true) {
    session::Inputs inputs;
    inputs.messages.push_back(
        {std::nullopt,
         dialects::Command(dialects::Say{.type = "x",
                                         .data = {dialects::Payload::Kind::text, std::move(text)},
                                         .keep = keep})});
    client.session()->process(std::move(inputs));
    world.run();
  }
  std::size_t kept() const { return world.shared.memory.used(base::MemoryPart::mailbox); }

  World world;
};

}  // namespace

TEST_CASE_TEMPLATE("what is kept is for the next who comes in, in order and once", Shards, OneShard,
                   ThreeShards) {
  Room room(World::Options{.shards = Shards::value});
  Client ann(room.world, "ann", 0), bob(room.world, "bob", 1), eve(room.world, "eve", 2);
  const auto anns = room.enter(ann);
  Room::say(room.world, ann, "one");
  Room::say(room.world, ann, "two");
  CHECK_MESSAGE(anns->types() == "created", "nobody is told anything");
  CHECK(room.kept() > 0);
  const auto bobs = room.enter(bob);
  CHECK(bobs->types() == "joined x x ready");
  CHECK(bobs->events[1]["data"] == "one");
  CHECK(bobs->events[1]["from"] == ann.session()->peer());
  CHECK(bobs->events[2]["data"] == "two");
  CHECK(room.kept() == 0);
  Room::say(room.world, ann, "three");
  CHECK(bobs->events.back()["data"] == "three");
  bob.session()->end(session::End::left);
  room.world.run();
  const auto eves = room.enter(eve);
  CHECK(eves->types() == "joined ready");
}

TEST_CASE_TEMPLATE("what is kept waits for the next one if memory is short when somebody comes in",
                   Shards, OneShard, ThreeShards) {
  int lost = 0;
  for (base::ShardIndex shard = 0; shard < Shards::value; ++shard) {
    bool has_failed = true;
    for (int number = 1; has_failed; ++number) {
      CAPTURE(shard);
      CAPTURE(number);
      Room room(World::Options{.shards = Shards::value});
      Client ann(room.world, "ann", 0), eve(room.world, "eve", 2);
      room.enter(ann);
      Room::say(room.world, ann, "one");
      Room::say(room.world, ann, "two");
      // On another shard than the room, if there are any.
      Client bob(room.world, "bob", ann.session()->id().shard + 1);
      const auto bobs = bob.stream(R"({"open":{},"carrier":"c","turn":1})");
      auto& fails_at = room.world.runner(shard).fails_at;
      fails_at = number;
      session::Inputs inputs;
      inputs.messages.push_back(
          {std::nullopt, dialects::Command(dialects::Join{.room = "r", .capacity = {}})});
      bob.session()->process(std::move(inputs));
      room.world.run();
      has_failed = fails_at == 0;
      fails_at = 0;
      if (bob.session() == nullptr) ++lost;
      const auto news = bob.session() != nullptr ? bobs : room.enter(eve);
      CHECK(news->types() == "joined x x ready");
      CHECK(room.kept() == 0);
    }
  }
  CHECK(lost > 0);
}

TEST_CASE("what is kept goes with who has said it") {
  Room room({});
  Client ann(room.world, "ann"), bob(room.world, "bob");
  room.enter(ann);
  Room::say(room.world, ann, "one");
  ann.session()->end(session::End::left);
  room.world.run();
  CHECK(room.kept() == 0);
  CHECK(room.enter(bob)->types() == "created");
}

TEST_CASE("nothing is kept of who does not ask for it") {
  Room room({});
  Client ann(room.world, "ann");
  const auto anns = room.enter(ann);
  Room::say(room.world, ann, "one", false);
  CHECK(anns->events.back()["code"] == "nobody_there");
  CHECK(room.kept() == 0);
}

TEST_CASE("so much is kept and no more") {
  World::Options options;
  SUBCASE("messages of one member") {
    Room room(options);
    Client ann(room.world, "ann");
    const auto anns = room.enter(ann);
    for (std::size_t i = 0; i < bus::Kept::kMostMessages; ++i) {
      Room::say(room.world, ann, "x");
      ann.upload(R"({"ack":1})");
      room.world.advance(std::chrono::milliseconds(10));  // the message rate
    }
    CHECK(anns->types() == "created");
    Room::say(room.world, ann, "x");
    CHECK(anns->events.back()["code"] == "mailbox_full");
    CHECK(anns->events.back()["message"] ==
          "Nobody else is in the room, and too much waits there already.");
  }
  SUBCASE("bytes of one member: a quarter of an outbox") {
    options.settings.outbox_limit = 64U << 10U;
    Room room(options);
    Client ann(room.world, "ann"), bob(room.world, "bob");
    const auto anns = room.enter(ann);
    Room::say(room.world, ann, std::string(15'000, 'x'));
    CHECK(anns->types() == "created");
    Room::say(room.world, ann, std::string(1'500, 'x'));
    CHECK(anns->events.back()["code"] == "mailbox_full");
    CHECK(room.kept() < options.settings.outbox_limit / 4);
    CHECK(room.enter(bob)->types() == "joined x ready");
  }
  SUBCASE("messages of one address, together with its mail") {
    options.mailboxes.per_address = 2;
    Room room(options);
    Client ann(room.world, "ann");
    const auto anns = room.enter(ann);
    for (int i = 0; i < 3; ++i) Room::say(room.world, ann, "x");
    CHECK(anns->types() == "created error");
  }
  SUBCASE("bytes of one address: a quarter of all mailboxes") {
    options.mailboxes.total_bytes = 40'000;
    Room room(options);
    Client ann(room.world, "ann");
    const auto anns = room.enter(ann);
    Room::say(room.world, ann, std::string(8'000, 'x'));
    Room::say(room.world, ann, std::string(8'000, 'x'));
    CHECK(anns->types() == "created error");
    CHECK(room.kept() < 10'000);
  }
}

TEST_CASE_TEMPLATE("a shard knows how many are in its rooms", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  const auto members = [&] {
    std::size_t sum = 0;
    for (base::ShardIndex i = 0; i < world.shards(); ++i) sum += world.node(i).members("r");
    return sum;
  };
  CHECK(members() == 0);
  Client ann(world, "ann", 0), bob(world, "bob", 1);
  for (auto* client : {&ann, &bob})
    client->stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
  CHECK(members() == 2);
  ann.session()->end(session::End::left);
  world.run();
  CHECK(members() == 1);
}
