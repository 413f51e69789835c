// A connection that is full: what its session keeps, and what it hears when there is room again.
#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

struct Room {
  explicit Room(const World::Options& options = {}) : world(options), alice(world, "alice") {
    log = alice.stream(R"({"open":{"room":"r","capacity":9},"carrier":"c","turn":1})");
    alice.upload(R"({"ack":1})");
  }
  void chat(std::size_t bytes) {
    alice.say(Json{{"type", "chat"}, {"data", std::string(bytes, 'x')}}.dump());
    alice.upload(Json{{"ack", log->last()}}.dump());
  }
  std::shared_ptr<StreamLog> watch(Client& person) {
    return person.stream(R"({"open":{"room":"r"},"carrier":"w"})");
  }

  World world;
  Client alice;
  std::shared_ptr<StreamLog> log;
};

Client person(World& world) {
  Client client(world, "person");
  client.key.clear();
  return client;
}

}  // namespace

TEST_CASE("events wait in the outbox while the connection is full, and then come in order") {
  Room r;
  Client bob(r.world, "bob");
  auto log = bob.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
  log->room = 3000;
  for (int i = 0; i < 10; ++i) r.chat(1000);
  const auto before = log->last();
  CHECK(before >= 3);
  CHECK(before <= 7);
  CHECK(bob.session()->outbox().last() > before);
  log->room = 1U << 20U;
  bob.session()->drained("c");
  r.world.run();
  CHECK(log->last() == bob.session()->outbox().last());
  for (std::size_t i = 0; i < log->numbers.size(); ++i) CHECK(log->numbers[i] == i + 1);
}

TEST_CASE("a session that acknowledges nothing is bounded by its outbox, as any other") {
  World::Options options;
  options.settings.outbox_limit = 20'000;
  Room r(options);
  auto watcher = person(r.world);
  const auto log = r.watch(watcher);
  SUBCASE("written is delivered: the outbox stays empty") {
    for (int i = 0; i < 40; ++i) r.chat(4000);
    CHECK(log->events.size() >= 41);
    CHECK(watcher.session()->outbox().bytes() == 0);
  }
  SUBCASE("it reads nothing: senders are told that it is busy, and memory stays bounded") {
    log->room = 0;
    for (int i = 0; i < 10; ++i) r.chat(4000);
    CHECK(r.log->events.back()["code"] == "busy");
    CHECK(watcher.session()->outbox().bytes() <= 10'000);
    Client bob(r.world, "bob");
    const auto bobs = bob.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
    for (int i = 0; i < 4 && !log->ended; ++i) {
      bob.say(Json{{"type", "chat"}, {"data", std::string(4000, 'y')}}.dump());
      r.alice.upload(Json{{"ack", r.log->last()}}.dump());
      bob.upload(Json{{"ack", bobs->last()}}.dump());
    }
    r.chat(4000);
    CHECK(r.world.shared.memory.used() <= 20'000 + 10'000);
  }
  SUBCASE("it reads in time: nothing is lost") {
    log->room = 0;
    for (int i = 0; i < 2; ++i) r.chat(4000);
    const auto kept = watcher.session()->outbox().bytes();
    CHECK(kept > 8'000);
    log->room = 1U << 20U;
    watcher.session()->drained("w");
    r.world.run();
    CHECK(log->types().ends_with("chat chat"));
    CHECK(watcher.session()->outbox().bytes() == 0);
  }
}

TEST_CASE("what is written to one copy of a person's stream is kept for the slower one") {
  Room r;
  auto watcher = person(r.world);
  const auto fast = r.watch(watcher);
  const auto slow = watcher.stream(R"({"carrier":"w"})");
  REQUIRE(slow->welcome);
  slow->room = 0;
  r.chat(100);
  r.chat(100);
  slow->room = 1U << 20U;
  watcher.session()->drained("w");
  r.world.run();
  CHECK(slow->types() == "chat chat");
  CHECK(fast->types() == "joined chat chat");
}

TEST_CASE("controls that are asked for while there is no room are said once") {
  Room r;
  r.log->room = 0;
  for (int hello = 1; hello <= 100; ++hello) {
    r.alice.upload(Json{{"carrier", "c"}, {"hello", hello}}.dump());
    r.alice.upload(R"({"carrier":"c","turn":1})");
  }
  CHECK(r.log->controls.empty());
  r.log->room = 1U << 20U;
  r.alice.session()->drained("c");
  CHECK(r.log->controls == std::vector<std::string>{"activated 1 next 2", "hello 101"});
}

TEST_CASE("over the budget nothing new is taken, and acknowledgements are") {
  World::Options options;
  options.memory = 100'000;
  Room r(options);
  r.world.shared.memory.charge(base::MemoryPart::file, 200'000);
  Client late(r.world, "late");
  const auto refused = std::make_shared<ReplyLog>();
  late.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})", refused);
  CHECK(refused->refusal() == "overloaded");
  const auto up = r.alice.session()->up();
  const auto upload = r.alice.upload(R"({"ack":1,"messages":[{"n":1,"type":"chat"}]})");
  CHECK(upload->refusal() == "overloaded");
  CHECK(r.alice.session()->up() == up);
  CHECK(r.alice.upload(R"({"ack":1})")->refusal().empty());
  r.world.shared.memory.release(base::MemoryPart::file, 200'000);
  CHECK(r.alice.upload(R"({"messages":[{"n":1,"type":"chat"}]})")->up == 1);
}

TEST_CASE("what is held beyond gaps is refused before it exceeds the budget, and ends nobody") {
  World::Options options;
  options.memory = 600'000;
  Room r(options);
  r.log->room = 0;
  std::vector<std::unique_ptr<Client>> hoarders;
  int ended = 0;
  for (int i = 0; i < 10; ++i) {
    hoarders.push_back(std::make_unique<Client>(r.world, "hoarder" + std::to_string(i)));
    auto& hoarder = *hoarders.back();
    const auto log = hoarder.stream(R"({"open":{},"carrier":"c","turn":1})");
    if (!hoarder.session()) continue;
    for (int n = 2; n <= 4; ++n) {
      hoarder.upload(
          Json{{"messages",
                Json::array({Json{{"n", n}, {"type", "x"}, {"data", std::string(60'000, 'g')}}})}}
              .dump());
    }
    if (hoarder.session() == nullptr) ++ended;
  }
  CHECK(ended == 0);
  CHECK_FALSE(r.world.shared.memory.exceeded());
  CHECK_MESSAGE(r.alice.session() != nullptr, "the innocent lives");
}
