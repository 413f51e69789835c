#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "client/connection.h"
#include "peers.h"
#include "scripted_network.h"

using namespace sigway;
using namespace std::chrono_literals;
using sigway::client::Json;
using sigway::testing::FakeNetwork;
using sigway::testing::Peer;
using sigway::testing::ScriptedNetwork;
using sigway::testing::World;

namespace {

/// The C++ client on the network of a case.
struct Trial final : client::ConnectionListener {
  explicit Trial(const Json& one)
      : scheduler(world.now()),
        inner(world, scheduler, 1),
        network(inner, scheduler, one.value("network", Json::array())),
        other(world, "other", 2),
        connection(scheduler, network, *this, options(one.value("options", Json::object()))) {
    inner.faults.delay = 10ms;
    inner.faults.jitter = 0ms;
    inner.faults.most_connections = one.value("connections", std::size_t{0});
    const auto script = one.value("script", Json::array());
    if (std::any_of(script.begin(), script.end(),
                    [](const Json& step) { return step.at("do") == "hear"; }))
      other.connection.start();
    connection.start();
  }

  static client::ConnectionOptions options(const Json& wanted) {
    client::ConnectionOptions options;
    options.room = "room";
    options.transport =
        transport_named(wanted.value("transport", "auto")).value_or(Transport::automatic);
    options.make_key = [count = 0]() mutable {
      return "key" + std::to_string(++count) + std::string(24, 'k');
    };
    options.random = [] { return 0.5; };
    if (wanted.contains("remembered")) options.remembered = wanted["remembered"].dump();
    return options;
  }

  void on_event(const ClientEvent&) override {}
  void on_state(ClientState) override {}
  void on_transport(Transport) override {}
  void on_reset(const ClientReset& reset) override {
    resets.push_back(reset.reason);
    lost.insert(lost.end(), reset.lost.begin(), reset.lost.end());
  }
  void on_closed(const ClientEnd& end) override { closed = end.code; }
  void on_journal(std::string_view line) override { journal += std::string(line) + '\n'; }
  void on_learned(const std::string&) override {}

  void pass_until(client::Duration time) {
    while (network.now() < time) {
      world.advance(5ms);
      scheduler.advance(world.now());
      other.scheduler.advance(world.now());
      world.run();
    }
  }

  void act(const Json& step) {
    const auto what = step.at("do").get<std::string>();
    if (what == "cut") inner.cut();
    if (what == "die") inner.die();
    if (what == "close") connection.close();
    if (what == "hear") {
      for (int i = 0; i < step.value("count", 1); ++i)
        scheduler.after(i * client::Duration(step.value("every", 0)), [this] { other.say(); });
    }
    if (what != "say") return;
    const auto data = std::string(step.value("size", 10U), 'x');
    for (int i = step.value("count", 1); i > 0; --i)
      connection.say({++said, R"("type":"n","data":")" + data + '"'});
  }

  Json end() const {
    return {{"state", to_string(connection.state())},
            {"transport", to_string(connection.transport())},
            {"pending", connection.pending()},
            {"closed", closed ? Json(*closed) : Json()},
            {"resets", resets},
            {"lost", lost}};
  }

  std::vector<const ScriptedNetwork::Entry*> matching(const Json& expected) const {
    std::vector<const ScriptedNetwork::Entry*> found;
    for (const auto& entry : network.log()) {
      if (entry.out == expected.at("out") &&
          ScriptedNetwork::has(entry.body, expected.value("with", Json::object())))
        found.push_back(&entry);
    }
    return found;
  }

  std::optional<client::Duration> time_of(const Json& expected) const {
    const auto found = matching(expected);
    const auto nth = expected.value("nth", std::size_t{1});
    if (found.size() < nth) return std::nullopt;
    return found[nth - 1]->at;
  }

  void check(const Json& expected) const {
    CAPTURE(expected.dump());
    if (expected.contains("end")) {
      const auto its = end();
      // clang 14 lets no lambda capture a structured binding.
      for (const auto& item : expected["end"].items())
        CHECK_MESSAGE(its.at(item.key()) == item.value(), item.key(), ": ", its.dump());
      return;
    }
    if (expected.contains("count")) {
      const auto from = client::Duration(expected.value("from", std::int64_t{0}));
      const auto to = client::Duration(expected.value("to", std::int64_t{3'600'000}));
      std::int64_t count = 0;
      for (const auto* const entry : matching(expected))
        count += entry->at >= from && entry->at <= to ? 1 : 0;
      CHECK(count >= expected["count"][0].get<std::int64_t>());
      CHECK(count <= expected["count"][1].get<std::int64_t>());
      return;
    }
    auto at = time_of(expected);
    CHECK_MESSAGE(at, "it did not go out");
    if (!at) return;
    if (expected.contains("since")) {
      const auto before = time_of(expected["since"]);
      CHECK_MESSAGE(before, "nothing to count from");
      if (!before) return;
      *at -= *before;
    }
    // The clock goes by steps of 5 ms.
    CHECK(at->count() >= expected.at("at")[0].get<std::int64_t>() - 5);
    CHECK(at->count() <= expected.at("at")[1].get<std::int64_t>() + 5);
  }

  std::string told() const {
    std::string text;
    for (const auto& [out, at, body] : network.log())
      text += std::to_string(at.count()) + ' ' + out + ' ' + body.dump().substr(0, 160) + '\n';
    return text + journal;
  }

  World world;
  client::Scheduler scheduler;
  FakeNetwork inner;
  ScriptedNetwork network;
  Peer other;  // of the room, on a good network
  std::uint64_t said = 0;
  std::optional<std::string> closed;
  std::vector<std::string> resets;
  std::vector<std::uint64_t> lost;
  std::string journal;
  client::Connection connection;
};

}  // namespace

// tests/client/cases.test.mjs runs the same on the JavaScript client.
TEST_CASE("cases: what comes when, what goes out when") {
  std::size_t count = 0;
  for (const auto& file : std::filesystem::directory_iterator(SIGWAY_CLIENT_CASES)) {
    if (file.path().extension() != ".json") continue;
    for (const auto& one : Json::parse(std::ifstream(file.path()))) {
      CAPTURE(file.path().filename().string());
      CAPTURE(one.at("name").get<std::string>());
      Trial trial(one);
      for (const auto& step : one.value("script", Json::array())) {
        trial.pass_until(client::Duration(step.at("at").get<std::int64_t>()));
        trial.act(step);
      }
      trial.pass_until(client::Duration(one.at("until").get<std::int64_t>()));
      INFO(trial.told());
      for (const auto& expected : one.at("expect")) trial.check(expected);
      ++count;
    }
  }
  CHECK(count >= 30);
}
