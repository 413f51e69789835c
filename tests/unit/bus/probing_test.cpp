// What strangers can do to those who have a place or a name: nothing but one probe a second.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bus/refusals.h"
#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Someone {
  Someone(World& world, const std::string& name, unsigned here, const std::string& address)
      : client(world, name, here) {
    client.address = address;
    log = client.stream(R"({"open":{},"carrier":"c","turn":1})");
    client.upload(R"({"ack":0})");
  }
  void join(const std::string& room) {
    client.say(Json{{"type", "join"}, {"room", room}, {"capacity", 1}}.dump());
  }
  void login(const std::string& name) {
    client.say(Json{{"type", "login"}, {"name", name}}.dump());
  }
  /// Since the last call.
  std::size_t probes() {
    const auto all =
        static_cast<std::size_t>(std::count(log->controls.begin(), log->controls.end(), "probe"));
    return all - std::exchange(probed_, all);
  }

  Client client;
  std::shared_ptr<StreamLog> log;

 private:
  std::size_t probed_ = 0;
};

}  // namespace

TEST_CASE_TEMPLATE("a member is probed at most once a second, however many ask", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Someone member(world, "member", 0, "10.0.0.1");
  member.join("r");
  member.login("n");
  std::vector<std::unique_ptr<Someone>> strangers;
  for (unsigned i = 0; i < 30; ++i) {
    const auto number = std::to_string(i);
    strangers.push_back(
        std::make_unique<Someone>(world, "stranger" + number, i, "10.0.1." + number));
  }
  world.advance(2s);
  for (int tenth = 0; tenth < 100; ++tenth) {
    for (std::size_t i = 0; i < 3; ++i) {
      auto& stranger = *strangers[static_cast<std::size_t>(tenth * 3 + static_cast<int>(i)) % 30];
      if (i % 2 == 0) stranger.join("r");
      if (i % 2 != 0) stranger.login("n");
    }
    world.advance(50ms);
    member.client.heard();  // it answers after a while
    world.advance(50ms);
  }
  CHECK(member.probes() <= 10);
  CHECK(member.client.session() != nullptr);
  CHECK(member.log->types() == "created ready login");
}

TEST_CASE_TEMPLATE("a stall of less than 10 seconds costs neither place nor name", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Someone member(world, "member", 0, "10.0.0.1");
  member.join("r");
  member.login("n");
  Someone stranger(world, "stranger", 1, "10.0.0.2");
  base::Duration stall{}, silence_before{};
  SUBCASE("right after a sign of life") { stall = 9900ms; }
  SUBCASE("in the middle of a pause between two heartbeats") {
    silence_before = 15s;
    stall = 4900ms;
  }
  world.advance(silence_before);
  for (base::Duration passed{}; passed < stall; passed += 100ms) {
    stranger.join("r");
    stranger.login("n");
    world.advance(100ms);
  }
  member.client.heard();
  CHECK(member.log->types() == "created ready login");
  CHECK(stranger.log->types().find("joined") == std::string::npos);
}

TEST_CASE_TEMPLATE("who is really gone loses place and name", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Someone member(world, "member", 0, "10.0.0.1");
  member.join("r");
  member.login("n");
  Someone one(world, "one", 1, "10.0.0.2");
  Someone other(world, "other", 2, "10.0.0.3");
  world.advance(2s);
  one.join("r");
  other.login("n");
  world.advance(7900ms);
  CHECK(one.log->types().empty());
  world.advance(200ms);
  CHECK(one.log->types() == "created ready");
  CHECK(other.log->types() == "login");
}

TEST_CASE_TEMPLATE("a refused stranger waits longer each time until it may cause a probe", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Someone member(world, "member", 0, "10.0.0.1");
  bool by_name = false;
  SUBCASE("for a place") { member.join("r"); }
  SUBCASE("for a name") {
    by_name = true;
    member.login("r");
  }
  std::vector<int> at;  // turns of 1.2 seconds
  int sessions = 0;
  std::unique_ptr<Someone> stranger;
  for (int turn = 0; turn < 400; ++turn) {
    // New sessions change nothing: it is the address that waits.
    if (turn % 20 == 0) {
      stranger = std::make_unique<Someone>(world, "s" + std::to_string(sessions), 1,
                                           "2001:db8::" + std::to_string(sessions));
      ++sessions;
    }
    world.advance(100ms);
    if (by_name) {
      stranger->login("r");
    } else {
      stranger->join("r");
    }
    if (member.probes() != 0) {
      at.push_back(turn);
      CHECK(member.log->control() == "probe");
    }
    member.client.heard();
    world.advance(1100ms);  // so that no sign of life answers for it
  }
  REQUIRE(at.size() > 8);
  CHECK(at.size() < 20);
  CHECK_MESSAGE(at[1] - at[0] <= 2, "at once, then a little later");
  CHECK_MESSAGE(at.back() - at[at.size() - 2] >= 50, "in the end once a minute");
}

TEST_CASE_TEMPLATE("who waits still gets what is free", Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Someone member(world, "member", 0, "10.0.0.1");
  Someone stranger(world, "stranger", 1, "10.0.0.2");
  member.join("r");
  member.login("n");
  for (int i = 0; i < 5; ++i) {
    stranger.join("r");
    stranger.login("n");
  }
  stranger.log->news();
  SUBCASE("since its holder left") { member.client.say(R"({"type":"leave"})"); }
  SUBCASE("since its holder is suspended") { member.client.upload(R"({"away":true})"); }
  stranger.join("r");
  CHECK(stranger.log->news() == "created ready");
  stranger.login("n");
  CHECK(stranger.log->news() == "login");
}

TEST_CASE_TEMPLATE("a reload, and somebody of the same address elsewhere, do not wait", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Someone member(world, "member", 0, "10.0.0.1");
  Someone stranger(world, "stranger", 1, "10.0.0.1");
  member.join("r");
  for (int i = 0; i < 5; ++i) stranger.join("r");
  Client young(world, "young", 2);
  young.address = "10.0.0.1";
  const auto log = young.stream(Json{
      {"open", {{"room", "r"}, {"replaces", member.client.key}}},
      {"carrier", "c"},
      {"turn", 1}}.dump());
  CHECK(log->types() == "created ready");
  Someone holder(world, "holder", 2, "10.0.0.9");
  holder.join("s");
  world.advance(2s);
  stranger.join("s");
  CHECK(holder.probes() == 1);
}

TEST_CASE("refusals: 1, 2, 4 … 60 seconds, forgotten after a minute of quiet, and bounded") {
  bus::Refusals refusals(2000);
  const auto who = base::AddressKey::parse("10.0.0.1");
  base::TimePoint now{1h};
  CHECK(refusals.may_probe("r", who, now));
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    refusals.refused("r", who, now);
    refusals.refused("r", who, now + wait / 2);
    CHECK_FALSE(refusals.may_probe("r", who, now + wait - 1ms));
    now += wait;
    CHECK(refusals.may_probe("r", who, now));
  }
  CHECK(refusals.may_probe("s", who, now));
  refusals.refused("r", who, now + 60s);
  CHECK_MESSAGE(refusals.may_probe("r", who, now + 61s), "anew");
  refusals.admitted("r", who);
  CHECK(refusals.size() == 0);
  for (int i = 0; i < 10'000; ++i) {
    refusals.refused("r", base::AddressKey::parse("address " + std::to_string(i)), now);
    REQUIRE(refusals.size() <= 2000);
  }
}
