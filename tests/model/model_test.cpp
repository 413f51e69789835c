#include <doctest/doctest.h>

#include <cstdlib>
#include <iostream>
#include <unordered_map>

#include "client.h"

/// The proof on fake carriers: members of a room switch transports, lose connections, repeat
/// themselves and start anew, at random, on one shard and on several; nothing is lost, repeated or
/// reordered, nobody lingers, and the memory is back where it was.
///
/// One seed, many seeds, or more steps: SIGWAY_SEED=17, SIGWAY_SEEDS=100, SIGWAY_STEPS=4000.
namespace sigway::model {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

struct Run {
  explicit Run(std::uint64_t with) : seed(with) {}

  std::uint64_t seed;
  std::uint64_t actions = 0;
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
  Violations violations;
};

/// Two members of one room must have heard what both heard in the same order.
void check_order(const Client& a, const Client& b, Violations& violations) {
  std::map<Heard, std::size_t> position;
  for (std::size_t i = 0; i < a.heard().size(); ++i) position[a.heard()[i]] = i;
  std::size_t last = 0;
  for (const auto& heard : b.heard()) {
    const auto common = position.find(heard);
    if (common == position.end()) continue;
    if (common->second < last) {
      violations.push_back("two members heard " + heard.tag + "/" + std::to_string(heard.count) +
                           " in different orders");
      return;
    }
    last = common->second;
  }
}

void run_model(Run& run, std::uint64_t actions) {
  auto& violations = run.violations;
  session::Settings settings;
  settings.message_rate = 0;
  settings.join_rate = 0;  // all come from one address
  World world(run.seed, static_cast<base::ShardIndex>(1 + run.seed % 4), settings);
  Faults faults{.drop_request = 0.05,
                .drop_answer = 0.05,
                .repeat_request = 0.1,
                .cut_stream = 0.01,
                .max_delay_ms = 400,
                .unnoticed_cut = 0.3};
  constexpr int kRooms = 2;
  constexpr int kMembers =
      3;  // as many as a room takes: whoever comes back needs the place of his own ghost
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kRooms * kMembers; ++i) {
    const auto room = "room-" + std::to_string(i % kRooms) + "-" + std::to_string(run.seed);
    clients.push_back(
        std::make_unique<Client>(world, faults, violations, room, i % 2 == 0 ? "name" : "", i));
    clients.back()->open_session(false);
  }

  for (std::uint64_t i = 0; i < actions && violations.empty(); ++i) {
    auto& client = *clients[world.random(clients.size())];
    const auto what = world.random(1000);
    if (what < 600)
      client.say();
    else if (what < 750)
      client.say_to_member();
    else if (what < 850)
      client.switch_transport();
    else if (what < 920)
      client.cut(world.chance(0.6));
    else if (what < 950)
      client.open_session(world.chance(0.7));
    else if (what < 955)
      client.be_silent(seconds(world.random(160)));
    else if (what < 970)
      client.be_silent(seconds(world.random(15)));
    else if (what < 985)
      client.leave();
    else if (what < 995)
      client.go_away();
    const auto until = world.now() + milliseconds(world.random(300));
    for (int step = 0; step < 40 && world.step(until); ++step) {
    }
    ++run.actions;
  }
  if (!violations.empty()) return;

  // The network heals: everybody must be in, and everything that was said must arrive.
  faults = Faults{};
  for (auto& client : clients) {
    client->settle_down();
    client->be_silent(seconds(0));
  }
  // Long enough for a client to see that its connection is dead; too short for a ghost to go away
  // by itself.
  world.run_for(seconds(75));
  for (const auto& client : clients) {
    if (!client->in_room()) violations.push_back(client->tag() + " did not get back into its room");
    if (client->unacknowledged() != 0)
      violations.push_back(client->tag() + " has messages that were never taken");
  }
  if (violations.empty()) {
    // One more from everybody, with all there.
    for (auto& client : clients) client->say();
    world.run_for(minutes(1));
    for (std::size_t a = 0; a < clients.size(); ++a) {
      for (std::size_t b = 0; b < clients.size(); ++b) {
        if (a == b || a % kRooms != b % kRooms) continue;
        check_order(*clients[a], *clients[b], violations);
        if (clients[a]->last_heard_from(clients[b]->tag()) != clients[b]->said()) {
          violations.push_back(clients[a]->tag() + " did not hear the last of " +
                               clients[b]->tag());
        }
        if (!clients[a]->has_member(clients[b]->peer())) {
          violations.push_back(clients[a]->tag() + " does not see " + clients[b]->tag());
        }
      }
      if (clients[a]->suspended_count() != 0)
        violations.push_back(clients[a]->tag() + " sees one suspended");
      if (clients[a]->member_count() != kMembers - 1)
        violations.push_back(clients[a]->tag() + " sees a ghost");
    }
  }

  // Everybody vanishes: nothing must be left.
  for (auto& client : clients) client->be_silent(std::chrono::hours(1));
  for (auto& client : clients) {
    for (int i = 0; i < 8; ++i) client->cut(true);
  }
  world.run_for(minutes(8));
  if (world.sessions() != 0)
    violations.push_back(std::to_string(world.sessions()) + " sessions linger");
  if (world.rooms() != 0) violations.push_back(std::to_string(world.rooms()) + " rooms linger");
  if (world.names() != 0) violations.push_back(std::to_string(world.names()) + " names linger");
  if (world.shared().memory.used() != 0) {
    violations.push_back(std::to_string(world.shared().memory.used()) + " bytes are still charged");
  }
  if (world.shared().directory.live() != 0)
    violations.push_back("keys of ended sessions are still live");
  run.steps = world.steps();
  for (const auto& client : clients) run.events += client->events_received();
}

TEST_CASE("random faults: exactly once, in order, no ghosts, no leak") {
  const auto only = from_environment("SIGWAY_SEED", 0);
  const auto seeds = only != 0 ? 1 : from_environment("SIGWAY_SEEDS", 24);
  const auto actions = from_environment("SIGWAY_STEPS", 1500);
  std::uint64_t steps = 0;
  std::uint64_t events = 0;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    Run run(only != 0 ? only : i + 1);
    run_model(run, actions);
    std::string report;
    for (std::size_t v = 0; v < run.violations.size() && v < 5; ++v)
      report += "\n  " + run.violations[v];
    CHECK_MESSAGE(run.violations.empty(),
                  "SIGWAY_SEED=" << run.seed << " after " << run.actions << " actions:" << report);
    steps += run.steps;
    events += run.events;
  }
  MESSAGE(seeds << " seeds, " << steps << " steps, " << events << " events received");
}

}  // namespace
}  // namespace sigway::model
