#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "client/connection.h"
#include "client/json.h"
#include "fake_network.h"

namespace sigway::testing {

/// One client: the whole connection on a network that misbehaves. It says numbers and hears the
/// other's.
struct Peer final : client::ConnectionListener {
  Peer(World& world, std::string name, std::uint64_t seed,
       Transport transport = Transport::automatic, client::Duration head_start = {},
       std::string remembered = {}, unsigned message_rate = 160)
      : scheduler(world.now() + head_start),
        network(world, scheduler, seed),
        connection(
            scheduler, network, *this,
            {.room = "room",
             .name = "",
             .capacity = 2,
             .transport = transport,
             .message_rate = message_rate,
             .make_key =
                 [name, count = 0]() mutable {
                   return name + std::to_string(++count) + std::string(24, 'k');
                 },
             .random = [this] { return std::uniform_real_distribution<double>(0, 1)(chance); },
             .remembered = std::move(remembered)}),
        chance(seed) {}

  void on_event(const ClientEvent& event) override {
    types.push_back(event.type);
    numbers.push_back(event.number);
    if (event.type == "created" || event.type == "joined") {
      const auto json = client::parse_object(event.json);
      capacities[event.room] = client::number_of(*json, "capacity").value_or(0);
    }
    if (!event.from.empty()) heard.push_back(event.data.front() == '"' ? 0 : std::stoi(event.data));
  }
  void on_state(ClientState) override {}
  void on_transport(Transport transport) override { transports.push_back(transport); }
  void on_reset(const ClientReset& reset) override { resets.push_back(reset); }
  void on_lost_session(std::uint64_t first_kept) override { first_kepts.push_back(first_kept); }
  void on_closed(const ClientEnd& end) override { closed = end.code; }
  void on_journal(std::string_view line) override { journal += std::string(line) + '\n'; }
  void on_learned(const std::string& what) override { learned = what; }

  void say() { connection.say({++said, R"("type":"n","data":)" + std::to_string(said)}); }
  void say_long(std::size_t size) {
    connection.say({++said, R"("type":"n","data":")" + std::string(size, 'x') + "\""});
  }
  std::size_t losses() const {
    std::size_t count = 0;
    for (auto at = journal.find(" was lost "); at != std::string::npos;
         at = journal.find(" was lost ", at + 1))
      ++count;
    return count;
  }
  bool has(const std::string& type) const {
    return std::find(types.begin(), types.end(), type) != types.end();
  }

  client::Scheduler scheduler;
  FakeNetwork network;
  client::Connection connection;
  std::mt19937_64 chance;
  std::uint64_t said = 0;
  std::vector<int> heard;
  std::vector<std::string> types;
  std::vector<std::uint64_t> numbers;
  std::vector<Transport> transports;
  std::vector<ClientReset> resets;
  std::vector<std::uint64_t> first_kepts;
  std::map<std::string, std::uint64_t> capacities;
  std::string closed, journal, learned;
};

struct Scene {
  explicit Scene(std::uint64_t seed, Transport transport = Transport::automatic,
                 const session::Settings& settings = {}, unsigned message_rate = 160,
                 const std::string& remembered = {})
      : world({.settings = settings}),
        alice(world, "alice", seed, transport, {}, remembered, message_rate),
        bob(world, "bob", seed + 1, transport) {}

  void pass(client::Duration time) {
    constexpr client::Duration kStep{5};
    for (client::Duration passed{0}; passed < time; passed += kStep) {
      world.advance(kStep);
      for (auto* const peer : {&alice, &bob}) peer->scheduler.advance(world.now());
      world.run();
    }
  }
  /// Alice's machine does nothing meanwhile.
  void sleep_alice(client::Duration time) {
    world.advance(time);
    bob.scheduler.advance(world.now());
    world.run();
  }
  void meet() {
    alice.connection.start();
    pass(std::chrono::seconds(1));
    bob.connection.start();
    for (int i = 0; i < 60 && !(alice.has("ready") && bob.has("ready")); ++i)
      pass(std::chrono::seconds(1));
    REQUIRE_MESSAGE(alice.has("ready"), alice.journal);
    REQUIRE_MESSAGE(bob.has("ready"), bob.journal);
  }
  /// Each heard all that the other said, once and in order; and every event once.
  void check() {
    for (const auto& pair : {std::pair{&alice, &bob}, std::pair{&bob, &alice}}) {
      const auto* const one = pair.first;
      const auto* const other = pair.second;
      INFO(one->journal);
      REQUIRE(one->heard.size() == other->said);
      for (std::size_t i = 0; i < one->heard.size(); ++i)
        REQUIRE(one->heard[i] == static_cast<int>(i) + 1);
      for (std::size_t i = 0; i < one->numbers.size(); ++i) REQUIRE(one->numbers[i] == i + 1);
      CHECK(one->resets.empty());
      CHECK(one->closed.empty());
      CHECK(one->connection.pending() == 0);
    }
  }

  World world;
  Peer alice, bob;
};

}  // namespace sigway::testing
