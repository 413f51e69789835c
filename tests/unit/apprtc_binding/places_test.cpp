// Requests of AppRTC's clients that wait: for the place, and for the refusal of what they say.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "apprtc_binding/channel.h"
#include "apprtc_binding/saying.h"
#include "raw/raw.h"
#include "support/plain_client.h"

using namespace sigway;                    // NOLINT(google-build-using-namespace)
using namespace sigway::testing;           // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::apprtc;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using session::Session;

namespace {

/// A client that is asked whether it is there, and holds its place without a connection.
constexpr dialects::Traits kAsked{.acknowledges = false, .activates = false};

struct Answers final : http::Replies {
  void respond(const http::ExchangeId&, http::Response response) override {
    statuses.push_back(response.status());
  }
  void abandon(const http::ExchangeId&) noexcept override { ++abandoned; }
  std::shared_ptr<http::StreamWriter> begin_stream(const http::ExchangeId&,
                                                   http::Response) override {
    return nullptr;
  }

  std::vector<int> statuses;
  int abandoned = 0;
};

Session& open(World& world, session::OpenContents contents, base::ShardIndex here = 0) {
  const auto located =
      binding::locate_to_open(world.context, std::move(contents), here, world.now());
  const auto& where = std::get<binding::Located>(located);
  return *std::get<Session*>(binding::enter(world.hub(where.id.shard), where));
}

/// A client whose WebSocket says nothing any more.
void hold_place(World& world, const std::string& client) {
  auto contents = contents_of({"room", client}, "ip");
  contents.traits = &kAsked;
  auto& session = open(world, std::move(contents));
  const auto opened = session.open_carrier(
      "stream", [] { return std::make_unique<session::StreamCarrier>(session::StreamOptions{}); });
  dynamic_cast<session::StreamCarrier&>(*std::get<session::Carrier*>(opened))
      .attach(1, std::make_unique<FrameSink>(std::make_shared<FrameLog>()), 0, {}, world.now());
  session.carriers_changed();
  world.run();
}

}  // namespace

TEST_CASE("a client that had to wait for its place has ten seconds from when it gets it") {
  World::Options options;
  options.settings.probe_timeout = 16s;
  World world(options);
  hold_place(world, "one");
  hold_place(world, "two");
  world.advance(20s);
  Answers answers;
  const ClientId id{"room", "three"};
  auto& session = open(world, contents_of(id, "ip"));
  Channel::of(session, world.hub(0))
      .wait({.replies = &answers,
             .placed = [](Waiting::Events) { return http::Response(200); },
             .ended = [](session::End) { return http::Response(500); },
             .is_join = true});
  session.carriers_changed();
  world.advance(7s);
  CHECK_MESSAGE(answers.statuses.empty(), "those who have the places are asked");
  world.advance(2s);
  CHECK(answers.statuses == std::vector{200});
  const auto is_there = [&] {
    return std::get<Session*>(look_up(world.hub(0), id, {})) != nullptr;
  };
  world.advance(8s);
  CHECK(is_there());
  world.advance(3s);
  CHECK_FALSE(is_there());
}

TEST_CASE("a message is answered when its receivers have taken or refused it, on whatever shard") {
  for (const base::ShardIndex shards : {1, 3}) {
    World::Options options;
    options.shards = shards;
    options.settings.outbox_limit = 64U << 10U;
    World world(options);
    auto& sender = open(world, contents_of({"room", "sender"}, "ip"));
    auto& hub = world.hub(sender.id().shard);
    Channel::of(sender, hub);
    sender.carriers_changed();
    world.run();
    // One that has opened without a room lives where it came in.
    session::OpenContents contents;
    contents.key = session::hash_key("receiver");
    contents.dialect = &dialects::raw::protocol().dialect();
    contents.traits = &kAsked;
    auto& receiver = open(world, std::move(contents), (sender.id().shard + 1) % shards);
    session::Inputs join;
    join.messages.push_back({std::nullopt, dialects::Command(dialects::Join{"room", kCapacity})});
    receiver.process(std::move(join));
    world.run();
    REQUIRE(receiver.rooms().size() == 1);
    const auto told = receiver.outbox().last();

    Answers answers;
    for (int i = 0; i < 40; ++i) {
      say_and_answer(
          hub, sender, std::string(2000, 'x'),
          {.replies = &answers,
           .answer = [](const Said& said) { return http::Response(said.is_unsent ? 409 : 200); },
           .ended = [](session::End) { return http::Response(500); }});
      CHECK_MESSAGE(answers.statuses.size() == static_cast<std::size_t>(i), "not known yet");
      world.run();
    }
    REQUIRE(answers.statuses.size() == 40);
    const auto sent = std::count(answers.statuses.begin(), answers.statuses.end(), 200);
    CHECK(std::count(answers.statuses.begin(), answers.statuses.end(), 409) == 40 - sent);
    CHECK(sent > 0);
    CHECK(sent < 40);
    CHECK(receiver.outbox().last() - told == static_cast<std::uint64_t>(sent));
  }
}

TEST_CASE("what may not wait any more is not said") {
  World::Options options;
  options.settings.probe_timeout = 16s;
  World world(options);
  hold_place(world, "one");
  hold_place(world, "two");
  world.advance(20s);
  auto& session = open(world, contents_of({"room", "three"}, "ip"));
  Answers answers;
  const auto before = session.up();
  for (int i = 0; i < 20; ++i) {
    say_and_answer(
        world.hub(0), session, "text",
        {.replies = &answers,
         .answer = [](const Said& said) { return http::Response(said.error ? 503 : 200); },
         .ended = [](session::End) { return http::Response(500); }});
  }
  CHECK(answers.statuses == std::vector(20 - Channel::kMostWaiting, 503));
  CHECK(session.up() - before == Channel::kMostWaiting);
  world.advance(9s);
  CHECK(std::count(answers.statuses.begin(), answers.statuses.end(), 200) == Channel::kMostWaiting);
}
