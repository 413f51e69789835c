// Topics: who has subscribed hears what anybody publishes.
#include <doctest/doctest.h>

#include "support/plain_client.h"
#include "y_webrtc/y_webrtc.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Subscriber {
  Subscriber(World& world, const std::string& name, base::ShardIndex here)
      : client(world, dialects::y_webrtc::protocol(), name, dialects::plain::kSocket, here),
        log(client.attach()) {}

  void subscribe(const std::string& topics) {
    client.say(R"({"type":"subscribe","topics":[)" + topics + "]}");
  }
  void publish(const std::string& topic, const std::string& payload) {
    client.say(R"({"type":"publish","topic":)" + topic + R"(,"payload":)" + payload + "}");
  }
  /// How many subscribers there are, as one of them is told.
  std::string counted() {
    client.say(R"({"type":"publish","topic":"t"})");
    return news();
  }
  /// The frames since the last call.
  std::string news() {
    std::string out;
    for (; seen < log->frames.size(); ++seen) out += log->frames[seen];
    return out;
  }

  PlainClient client;
  std::shared_ptr<FrameLog> log;
  std::size_t seen = 0;
};

std::string of(const std::string& topic, const std::string& payload) {
  return R"({"topic":)" + topic + R"(,"payload":)" + payload + "}";
}
std::string count_of(int clients) {
  return R"({"type":"publish","topic":"t","clients":)" + std::to_string(clients) + "}";
}

struct Three {
  explicit Three(const World::Options& options)
      : world(options), ann(world, "ann", 0), bob(world, "bob", 1), eve(world, "eve", 2) {}
  explicit Three(base::ShardIndex shards) : Three(World::Options{.shards = shards}) {}
  World world;
  Subscriber ann, bob, eve;
};

}  // namespace

TEST_CASE_TEMPLATE("what is published goes to those who have subscribed, and to no one else",
                   Shards, OneShard, ThreeShards) {
  Three t(Shards::value);
  t.ann.subscribe("\"t\",\"u\"");
  t.bob.subscribe("\"t\"");
  CHECK(t.world.topics() == 2);
  CHECK(t.world.rooms() == 0);
  t.eve.publish("\"t\"", "1");
  CHECK(t.ann.news() == of("\"t\"", "1"));
  CHECK(t.bob.news() == of("\"t\"", "1"));
  t.ann.publish("\"u\"", "2");
  CHECK_MESSAGE(t.ann.news() == of("\"u\"", "2"), "the publisher too, if it has subscribed");
  CHECK(t.bob.news().empty());
  t.ann.publish("\"nobody's\"", "3");
  CHECK(t.world.topics() == 2);
  for (auto* const one : {&t.ann, &t.bob, &t.eve}) CHECK(one->news().empty());
}

TEST_CASE_TEMPLATE("each has subscribed once, until it unsubscribes or ends", Shards, OneShard,
                   ThreeShards) {
  Three t(Shards::value);
  for (auto* const one : {&t.ann, &t.bob, &t.eve}) one->subscribe("\"t\",\"t\"");
  t.ann.subscribe("\"t\"");
  CHECK(t.ann.counted() == count_of(3));
  t.bob.news();
  t.bob.client.say(R"({"type":"unsubscribe","topics":["t","other"]})");
  CHECK(t.ann.counted() == count_of(2));
  CHECK(t.bob.news().empty());
  t.eve.client.cut();
  CHECK(t.ann.counted() == count_of(1));
  t.ann.client.cut();
  CHECK(t.world.topics() == 0);
  CHECK(t.world.shared.memory.used(base::MemoryPart::topics) == 0);
}

TEST_CASE_TEMPLATE("a session may have so many topics, and each is counted", Shards, OneShard,
                   ThreeShards) {
  World world(World::Options{.shards = Shards::value});
  constexpr dialects::Traits kTwo{.acknowledges = false,
                                  .activates = false,
                                  .resumes = false,
                                  .reuses_key = true,
                                  .max_topics = 2};
  Subscriber ann(world, "ann", 1);
  PlainClient small(world, dialects::y_webrtc::protocol(), "small", kTwo);
  const auto log = small.attach();
  const auto used = [&] { return world.shared.memory.used(base::MemoryPart::topics); };
  small.say(R"({"type":"subscribe","topics":["a","b","a"]})");
  CHECK(log->frames.empty());
  const auto before = used();
  CHECK(before > 2 * sizeof(std::string));
  small.say(R"({"type":"subscribe","topics":["c"]})");
  CHECK(log->last_frame() ==
        R"({"type":"error","message":"A session may subscribe to 2 topics."})");
  CHECK(world.topics() == 2);
  small.say(R"({"type":"unsubscribe","topics":["a"]})");
  CHECK(used() < before);
  small.say(R"({"type":"subscribe","topics":["c"]})");
  CHECK(log->frames.size() == 1);
  CHECK(world.topics() == 2);
  ann.subscribe('"' + std::string(1024, 't') + '"');
  CHECK(used() > before + 2048);
}

TEST_CASE_TEMPLATE("a flood by strangers never ends a subscriber that takes nothing", Shards,
                   OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.outbox_limit = 64U << 10U;
  options.settings.message_rate = 0;
  Three t(options);
  t.ann.subscribe("\"t\"");
  t.ann.log->unsent = SIZE_MAX / 2;
  const auto payload = '"' + std::string(500, 'x') + '"';
  for (int i = 0; i < 200; ++i) {
    for (auto* const stranger : {&t.bob, &t.eve}) stranger->publish("\"t\"", payload);
  }
  REQUIRE(t.ann.client.session() != nullptr);
  CHECK_FALSE(t.ann.log->end);
  CHECK(t.ann.client.session()->outbox().bytes() <= options.settings.outbox_limit / 8 + 1024);
  CHECK(t.eve.news().find("keep up") != std::string::npos);
}

TEST_CASE_TEMPLATE("a stream with a small outbox hears strangers all the same", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.outbox_limit = 256U << 10U;
  options.settings.message_rate = 0;
  World world(options);
  PlainClient stream(world, dialects::y_webrtc::protocol(), "stream");
  const auto log = stream.attach();
  stream.say(R"({"type":"subscribe","topics":["t"]})");
  Subscriber stranger(world, "stranger", 1);
  const auto payload = '"' + std::string(500, 'x') + '"';
  for (int i = 0; i < 500; ++i) stranger.publish("\"t\"", payload);
  CHECK(log->frames.size() == 500);
  CHECK(stranger.news().empty());
  CHECK_MESSAGE(stream.session()->outbox().bytes() > 2000, "for a client that comes back");
}

TEST_CASE("a reply goes to its sender alone") {
  Three t(1U);
  for (auto* const one : {&t.ann, &t.bob}) one->subscribe("\"t\"");
  t.ann.client.say(R"({"type":"ping"})");
  CHECK(t.ann.news() == R"({"type":"pong"})");
  CHECK(t.bob.news().empty());
}

TEST_CASE_TEMPLATE(
    "whoever publishes hears of one subscriber that takes no more, however many there are", Shards,
    OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.outbox_limit = 64U << 10U;
  options.settings.message_rate = 0;
  World world(options);
  std::vector<std::unique_ptr<Subscriber>> slow;
  for (unsigned i = 0; i < 60; ++i) {
    slow.push_back(std::make_unique<Subscriber>(world, "slow" + std::to_string(i), i));
    slow.back()->subscribe("\"t\"");
    slow.back()->log->unsent = SIZE_MAX / 2;
  }
  Subscriber bob(world, "bob", 0);
  const auto payload = '"' + std::string(500, 'x') + '"';
  for (int i = 0; i < 40; ++i) bob.publish("\"t\"", payload);
  REQUIRE(bob.client.session() != nullptr);
  bob.news();
  const auto before = bob.log->frames.size();
  bob.publish("\"t\"", payload);
  const auto refusals = bob.log->frames.size() - before;
  CHECK(refusals >= 1);
  CHECK(refusals <= Shards::value);
}

TEST_CASE_TEMPLATE("deliveries to a topic with many subscribers are counted by address", Shards,
                   OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.max_room_capacity = 2;
  options.settings.message_rate = 1;
  options.settings.message_burst = 6;
  Three t(options);
  for (auto* const one : {&t.ann, &t.bob, &t.eve}) one->subscribe("\"t\"");
  // Three subscribers are more than a room's two places: twelve deliveries are left.
  for (int i = 0; i < 4; ++i) t.ann.publish("\"t\"", "1");
  CHECK(t.bob.news().find("error") == std::string::npos);
  t.bob.publish("\"t\"", "2");
  CHECK(t.bob.news().find("many subscribers") != std::string::npos);
  t.world.advance(3s);
  t.bob.publish("\"t\"", "3");
  CHECK(t.ann.news().find("3") != std::string::npos);
}
