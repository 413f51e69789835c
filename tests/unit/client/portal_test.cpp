// What something on the way answers in the server's place.
#include <doctest/doctest.h>

#include <string>

#include "client/connection.h"
#include "scripted_network.h"

using namespace sigway;
using namespace std::chrono_literals;
using sigway::client::Json;
using sigway::testing::FakeNetwork;
using sigway::testing::ScriptedNetwork;
using sigway::testing::World;

namespace {

/// A client, round trips of 800 ms, and what answers uploads in the server's place.
struct Portal final : client::ConnectionListener {
  explicit Portal(const Json& rules, Transport way = Transport::poll)
      : transport(way), network(inner, scheduler, rules) {
    inner.faults.delay = 400ms;
    inner.faults.jitter = 0ms;
    connection.start();
  }
  void on_event(const ClientEvent&) override {}
  void on_state(ClientState) override {}
  void on_transport(Transport) override {}
  void on_reset(const ClientReset&) override {}
  void on_closed(const ClientEnd&) override {}
  void on_journal(std::string_view) override {}
  void on_learned(const std::string&) override {}
  void pass_until(client::Duration time) {
    while (network.now() < time) {
      world.advance(5ms);
      scheduler.advance(world.now());
      world.run();
    }
  }

  Transport transport;
  World world;
  client::Scheduler scheduler{world.now()};
  FakeNetwork inner{world, scheduler, 1};
  ScriptedNetwork network;
  client::Connection connection{scheduler,
                                network,
                                *this,
                                {.room = "room",
                                 .name = "",
                                 .transport = transport,
                                 .make_key = [] { return std::string(24, 'k'); },
                                 .random = [] { return 0.5; }}};
};

}  // namespace

TEST_CASE("an answer of something else tells nothing of how long a round trip takes") {
  for (const auto* const page : {R"("<html>sign in")", R"({"hello":"world"})"}) {
    CAPTURE(page);
    Portal portal(Json::array(
        {{{"on", "send"}, {"to", 8000}, {"do", {{"status", 200}, {"body", Json::parse(page)}}}}}));
    portal.pass_until(4s);
    const auto before = portal.connection.round_trip();
    CHECK(before >= 750ms);
    portal.connection.say({1, R"("type":"n")"});
    portal.pass_until(7s);
    CHECK(portal.connection.round_trip() >= 750ms);
    portal.pass_until(30s);
    CHECK(portal.connection.pending() == 0);
  }
}

TEST_CASE("waking up ends what something on the last network asked for") {
  for (const auto transport : {Transport::poll, Transport::sse}) {
    CAPTURE(transport);
    auto rules = Json::array();
    for (const auto* const out : {"poll", "send"}) {
      rules.push_back(
          {{"on", out},
           {"from", 6000},
           {"to", 30'000},
           {"do", {{"status", 503}, {"body", "<html>pay first"}, {"retryAfter", 3600}}}});
    }
    Portal portal(rules, transport);
    portal.pass_until(8s);
    portal.connection.say({1, R"("type":"n")"});
    portal.pass_until(30s);
    CHECK(portal.connection.pending() == 1);
    portal.world.advance(20s);  // asleep
    portal.pass_until(60s);
    CHECK(portal.connection.pending() == 0);
    CHECK(portal.connection.state() == ClientState::open);
  }
}
