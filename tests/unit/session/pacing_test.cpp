// A connection that is read no faster than its messages may come, and what waits in between.
#include <doctest/doctest.h>

#include "support/plain_client.h"
#include "y_webrtc/y_webrtc.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

std::string topic(int number) { return "the-document-of-number-" + std::to_string(number); }

std::string subscribe_to(int topics) {
  std::string list;
  for (int i = 0; i < topics; ++i) list += (i == 0 ? "\"" : ",\"") + topic(i) + '"';
  return R"({"type":"subscribe","topics":[)" + list + "]}";
}
std::string announce(int number) {
  return R"({"type":"publish","topic":")" + topic(number) + R"(","data":{"type":"announce"}})";
}

/// A page's WebSocket, which is read as the binding reads it.
struct Page {
  explicit Page(World& in)
      : world(in),
        client(world, dialects::y_webrtc::protocol(), "page", dialects::plain::kSocket),
        log(client.attach()) {}

  session::Inputs inputs_of(const std::string& text) {
    session::Inputs inputs;
    inputs.paced = true;
    dialects::y_webrtc::protocol().decode({}, {dialects::Payload::Kind::text, text},
                                          inputs.messages);
    return inputs;
  }
  /// Returns once the connection may be read on.
  void say(const std::string& text) {
    const auto before = log->takes_more;
    REQUIRE(code_of(client.session()->process(inputs_of(text))).empty());
    if (client.session()->takes_more()) return;
    while (log->takes_more == before) {
      REQUIRE(world.now() < began + 1min);
      world.advance(10ms);
    }
  }

  World& world;
  PlainClient client;
  std::shared_ptr<FrameLog> log;
  base::TimePoint began = world.now();
};

}  // namespace

TEST_CASE_TEMPLATE("a page subscribes and announces itself for a thousand documents at once",
                   Shards, OneShard, ThreeShards) {
  constexpr int kDocuments = 1000;
  World world(Shards::value);
  Page page(world);
  SUBCASE("all in one message, as after a reconnect") { page.say(subscribe_to(kDocuments)); }
  SUBCASE("one by one") {
    for (int i = 0; i < kDocuments; ++i)
      page.say(R"({"type":"subscribe","topics":[")" + topic(i) + "\"]}");
  }
  for (int i = 0; i < kDocuments; ++i) page.say(announce(i));
  world.run();
  CHECK(world.topics() == kDocuments);
  CHECK_MESSAGE(page.log->frames.size() == kDocuments, "it hears itself");
  const auto rate = world.shared.settings;
  const auto took = std::chrono::duration<double>(world.now() - page.began).count();
  CHECK_MESSAGE(took > (kDocuments - rate.message_burst) / rate.message_rate,
                "not faster than the rate");
  CHECK(took < 2.2 * kDocuments / rate.message_rate);
  CHECK(page.log->takes_more < 2.2 * kDocuments / (rate.message_rate / 10));
}

TEST_CASE("a connection that is not paced is refused what is too much") {
  World world;
  Page page(world);
  auto inputs = page.inputs_of(subscribe_to(400));
  inputs.paced = false;
  CHECK_FALSE(page.client.process(std::move(inputs)));
  inputs = page.inputs_of(announce(1));
  inputs.paced = false;
  CHECK(code_of(page.client.process(std::move(inputs))) == "rate_limited");
}

TEST_CASE("what waits for its turn is counted, and the connection is not read meanwhile") {
  constexpr std::size_t kDocuments = 400;
  World world;
  Page page(world);
  auto& session = *page.client.session();
  const auto used = [&] { return world.shared.memory.used(base::MemoryPart::inbox); };
  CHECK_FALSE(session.process(page.inputs_of(subscribe_to(kDocuments))));
  const auto waiting = kDocuments - 64;
  CHECK(used() > waiting * (sizeof(session::Taken) + topic(100).size()));
  CHECK_FALSE(session.takes_more());
  CHECK(page.log->takes_more == 0);
  world.run();
  CHECK(world.topics() == kDocuments);
  CHECK(used() == 0);
  world.advance(100ms);
  CHECK(page.log->takes_more == 1);
  CHECK(session.takes_more());
}

TEST_CASE("without a message rate only what waits holds the connection back") {
  World::Options options;
  options.settings.message_rate = 0;
  World world(options);
  Page page(world);
  page.say(subscribe_to(1000));
  CHECK(page.log->takes_more == 1);
  for (int i = 0; i < 1000; ++i) page.say(announce(i));
  world.run();
  CHECK(page.log->takes_more == 1);
  CHECK(world.now() < page.began + 100ms);
}
