// Messages for many: how many a session may tell at once, how they count against its rate, and what
// of them is held on the way between shards.
#include <doctest/doctest.h>

#include <algorithm>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

std::string messages(int count, const Json& to, std::size_t bytes = 1) {
  Json list = Json::array();
  for (int n = 1; n <= count; ++n) {
    Json message{{"n", n}, {"type", "chat"}, {"data", std::to_string(n) + std::string(bytes, 'x')}};
    if (!to.is_null()) message["to"] = to;
    list.push_back(message);
  }
  return Json{{"messages", list}}.dump();
}

Json names(int count, const std::string& prefix = "@nobody-") {
  Json to = Json::array();
  for (int i = 0; i < count; ++i) to.push_back(prefix + std::to_string(i));
  return to;
}

std::ptrdiff_t count(const StreamLog& log, const std::string& type) {
  return std::count_if(log.events.begin(), log.events.end(),
                       [&](const Json& event) { return event["type"] == type; });
}

struct Pair {
  explicit Pair(const World::Options& options = {})
      : world(options), alice(world, "alice"), bob(world, "bob") {
    alices = alice.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
    bobs = bob.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
  }

  World world;
  Client alice, bob;
  std::shared_ptr<StreamLog> alices, bobs;
};

}  // namespace

TEST_CASE("a session that says much at once lets others have their turn, and nothing is lost") {
  Pair p;
  p.alice.paused = true;
  p.alice.upload(messages(200, nullptr));
  const auto second = p.alice.upload(R"({"messages":[{"n":201,"type":"last"}]})");
  p.world.turn(0);
  CHECK(count(*p.bobs, "chat") == 64);
  CHECK(second->up == 201);
  CHECK(count(*p.bobs, "last") == 0);
  p.world.run();
  REQUIRE(count(*p.bobs, "chat") == 200);
  int expected = 0;
  for (const auto& event : p.bobs->events) {
    if (event["type"] == "chat") CHECK(event["data"] == std::to_string(++expected) + "x");
  }
  CHECK(p.bobs->events.back()["type"] == "last");
  CHECK(p.world.shared.memory.used(base::MemoryPart::inbox) == 0);
}

TEST_CASE("a message for many counts as often against the rate, and waits for it") {
  World::Options options;
  options.settings.message_rate = 10;
  options.settings.message_burst = 40;
  Pair p(options);
  p.alice.upload(messages(8, names(10)));
  const auto answers = [&] { return count(*p.alices, "stored"); };
  CHECK(answers() == 30);
  CHECK(p.world.shared.memory.used(base::MemoryPart::inbox) > 0);
  p.world.advance(500ms);
  CHECK(answers() == 40);
  p.alice.upload(Json{{"ack", p.alices->last()}}.dump());
  p.world.advance(10s);
  CHECK(answers() == 80);
  CHECK(p.world.shared.memory.used(base::MemoryPart::inbox) == 0);
  SUBCASE("more than the burst counts as the burst") {
    p.alice.upload(Json{{"ack", p.alices->last()}}.dump());
    p.world.advance(10s);
    auto one = Json{{"n", 9}, {"type", "chat"}, {"to", names(64)}};
    p.alice.upload(Json{{"messages", Json::array({one})}}.dump());
    p.world.advance(1s);
    CHECK(answers() == 144);
  }
  SUBCASE("while too much waits, no more is taken") {
    p.world.advance(4s);
    CHECK(p.alice.upload(messages(40, names(10), 30'000))->up == 40);
    CHECK(p.world.shared.memory.used(base::MemoryPart::inbox) > 500'000);
    p.world.advance(1s);
    const auto refused = p.alice.upload(R"({"messages":[{"n":41,"type":"x"}]})");
    CHECK(refused->refusal() == "rate_limited");
    CHECK(refused->error->message.find("wait") != std::string::npos);
  }
}

TEST_CASE("a person who leaves has said what was left for a later turn") {
  World::Options options;
  options.mailboxes.messages = 100;
  Pair p(options);
  Client person(p.world, "person");
  person.key.clear();
  const auto log = person.stream(R"({"open":{"room":"s"},"carrier":"w"})");
  auto frame = dialects::native::decode_request(messages(65, Json::array({"@carol"})));
  session::Inputs inputs;
  inputs.carrier = "w";
  inputs.messages = std::get<dialects::native::Request>(std::move(frame)).messages;
  person.session()->process(std::move(inputs));
  person.session()->detach(person.connection);
  CHECK(person.session() != nullptr);
  p.world.run();
  CHECK(person.session() == nullptr);
  Client carol(p.world, "carol");
  const auto carols = carol.stream(R"({"open":{"name":"carol"},"carrier":"c","turn":1})");
  CHECK(count(*carols, "chat") == 65);
}

TEST_CASE("what waits between shards is held once, counted and bounded") {
  World::Options options;
  options.shards = 2;
  options.memory = 8U << 20U;
  options.settings.outbox_limit = 200'000;
  Pair p(options);
  const auto home = p.alice.session()->id().shard;
  const auto other = static_cast<base::ShardIndex>(1 - home);
  // Names of which each lives on the other shard.
  Json to = Json::array();
  for (int i = 0; to.size() < 64; ++i) {
    const auto name = "n" + std::to_string(i);
    if (bus::home_of(name, 2, World::kHomeSecret) == other) to.push_back("@" + name);
  }
  const auto& memory = p.world.shared.memory;
  const auto held = [&] { return memory.used(base::MemoryPart::transit); };
  CHECK(held() == 0);
  p.alice.paused = true;
  p.alice.here = home;
  p.alice.upload(messages(4, to, 40'000));
  // Only this shard has its turns, as if the other were stuck.
  for (int i = 0; i < 20; ++i) p.world.turn(home);
  CHECK(held() > 40'000);
  CHECK(held() < 100'000 + 40'000);
  CHECK_MESSAGE(count(*p.alices, "error") >= 3, "the rest is refused as busy");
  CHECK(p.alices->events.back()["code"] == "busy");
  p.world.run();
  CHECK(held() == 0);
  CHECK(count(*p.alices, "stored") == 64);
}

TEST_CASE("what waits between shards fills a quarter of the budget at the most") {
  World::Options options;
  options.shards = 2;
  options.memory = 400'000;
  Pair p(options);
  const auto home = p.alice.session()->id().shard;
  const auto other = static_cast<base::ShardIndex>(1 - home);
  Json to = Json::array();
  for (int i = 0; to.size() < 2; ++i) {
    const auto name = "n" + std::to_string(i);
    if (bus::home_of(name, 2, World::kHomeSecret) == other) to.push_back("@" + name);
  }
  p.alice.paused = true;
  p.alice.here = home;
  p.alice.upload(messages(4, to, 40'000));
  for (int i = 0; i < 20; ++i) p.world.turn(home);
  CHECK(p.world.shared.memory.used(base::MemoryPart::transit) <= 100'000);
  CHECK(p.alices->events.back()["code"] == "busy");
  CHECK(p.alices->events.back()["hint"].get<std::string>().find("--memory-budget") !=
        std::string::npos);
  p.world.run();
  CHECK(p.world.shared.memory.used(base::MemoryPart::transit) == 0);
  CHECK(count(*p.alices, "stored") == 4);
}
