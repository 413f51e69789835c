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
        world->hub(0), [this] { ++pings; }, with);
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
};

}  // namespace

TEST_CASE("a ping follows what is written, and its pong proves it") {
  Line line;
  auto& carrier = *line.carrier;
  carrier.wrote(3);
  CHECK(line.pings == 1);
  carrier.wrote(4);
  carrier.wrote(5);
  CHECK_MESSAGE(line.pings == 1, "one at a time: a pong must belong to its ping");
  CHECK(carrier.pong() == 3);
  CHECK_MESSAGE(line.pings == 2, "for what was written meanwhile");
  CHECK(carrier.pong() == 5);
  CHECK(line.pings == 2);
  CHECK_MESSAGE(carrier.pong() == std::nullopt, "of no ping");
}

TEST_CASE("a heartbeat and a probe do not overtake the ping that is on its way") {
  Line line;
  auto& carrier = *line.carrier;
  carrier.wrote(1);
  carrier.wrote(2);
  carrier.probe();
  CHECK(line.pings == 1);
  CHECK(carrier.pong() == 1);
  CHECK(carrier.pong() == 2);
  carrier.probe();
  CHECK(line.pings == 3);
  CHECK_MESSAGE(carrier.pong() == 2, "proves nothing new");
}

TEST_CASE("pings leave a client nine tenths of the noise that it may make") {
  Line line({.per_second = 20, .burst = 30});
  auto& carrier = *line.carrier;
  std::uint64_t number = 0;
  for (; number < 100; ++number) {
    carrier.wrote(number + 1);
    carrier.pong();
  }
  CHECK(line.pings == 3);
  line.advance(600ms);
  CHECK_MESSAGE(line.pings == 4, "as soon as it may, without another event");
  CHECK(carrier.pong() == 100);
}

TEST_CASE("a client that is silent for 90 s is given up, and not before two thirds of that") {
  for (const base::Duration interval : {25s, 5s}) {
    Line line({}, interval);
    const auto begin = line.world->now();
    SUBCASE("at once") {}
    SUBCASE("later") {
      for (int i = 0; i < 40; ++i) {
        CHECK_FALSE(line.advance(5s));
        line.carrier->pong();
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
