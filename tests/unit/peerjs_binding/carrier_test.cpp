// What a client of PeerJS has received, as its pongs prove it.
#include <doctest/doctest.h>

#include "peerjs_binding/carrier.h"
#include "raw/raw.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using dialects::peerjs::Carrier;
using dialects::peerjs::Options;

namespace {

/// A carrier with a connection, which counts its pings.
struct Line {
  explicit Line(base::RateLimit noise = {}, base::Duration ping_interval = 25s) {
    World::Options options;
    options.settings.heartbeat = ping_interval;
    world.emplace(options);
    Options with;
    with.websocket.noise = noise;
    carrier.emplace(
        world->hub(0),
        [this](std::string_view payload) {
          ++pings;
          latest = payload;
        },
        with);
    carrier->attach(1, std::make_unique<Sink>(*carrier), 0, {}, world->now());
  }

  class Sink final : public session::StreamSink {
   public:
    explicit Sink(Carrier& carrier) : carrier_(carrier) {}
    std::size_t room() override { return SIZE_MAX; }
    std::size_t unsent() override { return 0; }
    void events(std::uint64_t, std::span<const dialects::EncodedEvent>) override {}
    void activated(std::uint64_t, std::uint64_t) override {}
    void standby(std::uint64_t, std::uint64_t) override {}
    void hello(std::uint64_t) override {}
    void heartbeat(std::uint64_t) override { carrier_.ask(); }
    void probe() override { carrier_.ask(); }
    void end(session::End, base::Duration) override {}

   private:
    Carrier& carrier_;
  };

  /// Time passes, with what the session would call. How the carrier has ended, if it has.
  std::optional<session::End> advance(base::Duration by) {
    for (const auto until = world->now() + by; world->now() < until;) {
      world->advance(std::min<base::Duration>(100ms, until - world->now()));
      if (world->now() < carrier->next_deadline()) continue;
      if (const auto end = carrier->on_timer(world->now(), outbox())) return end;
    }
    return std::nullopt;
  }
  std::optional<std::uint64_t> pong() { return carrier->pong(latest); }
  session::Outbox& outbox() {
    if (!client) {
      client.emplace(*world, dialects::raw::protocol(), "other");
      client->attach();
    }
    return client->session()->outbox();
  }

  std::optional<World> world;
  std::optional<Carrier> carrier;
  std::optional<PlainClient> client;
  int pings = 0;
  std::string latest;  // payload
};

}  // namespace

TEST_CASE("what is written is proved by the pong of a ping, in the time that the rate leaves") {
  Line line({.per_second = 20, .burst = 10});
  auto& carrier = *line.carrier;
  carrier.wrote(3);
  CHECK(line.pings == 1);
  CHECK(line.pong() == 3);
  carrier.wrote(4);
  CHECK_MESSAGE(line.pings == 1, "a tenth of the client's noise");
  line.advance(600ms);
  CHECK_MESSAGE(line.pings == 2, "without another event");
  CHECK(line.pong() == 4);
}

TEST_CASE("a heartbeat and a probe ask at once, whatever the rate") {
  Line line({.per_second = 20, .burst = 10});
  auto& carrier = *line.carrier;
  for (int i = 1; i <= 3; ++i) {
    carrier.probe();
    CHECK(line.pings == i);
    CHECK_MESSAGE(carrier.pong({}) == std::nullopt, "asked for by nobody");
    CHECK_MESSAGE(line.pong() == 0, "proves nothing new");
  }
}

TEST_CASE("a client that is silent for 90 s is given up, and not before two thirds of that") {
  for (const base::Duration interval : {25s, 5s}) {
    Line line({}, interval);
    const auto begin = line.world->now();
    SUBCASE("at once") {}
    SUBCASE("later") {
      for (int i = 0; i < 40; ++i) {
        CHECK_FALSE(line.advance(5s));
        line.pong();
        line.carrier->heard();
      }
    }
    const auto last = line.world->now();
    CHECK_FALSE(line.advance(60s));
    CHECK(line.advance(31s) == session::End::silent);
    CHECK(line.world->now() - last <= 90s + 200ms);
    CHECK(line.world->now() - begin >= 60s);
  }
}
