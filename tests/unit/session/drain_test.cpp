// The server shuts down: docs/protocol.md, "Shutting down".
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

struct Guest {
  Guest(World& world, const std::string& name, unsigned here, const std::string& room = "r",
        const std::string& own_name = {})
      : client(world, name, here) {
    Json open{{"room", room}};
    if (!own_name.empty()) open["name"] = own_name;
    log = client.stream(Json{{"open", open}, {"carrier", "c"}, {"turn", 1}}.dump());
    peer = client.session()->peer();
    ack();
  }
  std::shared_ptr<ReplyLog> chat(int data) {
    return client.say(Json{{"type", "chat"}, {"data", data}}.dump());
  }
  void ack() { client.upload(Json{{"ack", log->last()}}.dump()); }
  bool is_away() const { return log->control() == "end draining"; }
  std::string refusal() const { return log->events.back().value("code", ""); }

  Client client;
  std::string peer;
  std::shared_ptr<StreamLog> log;
};

void drain(World& world, base::Duration spread) {
  for (base::ShardIndex i = 0; i < world.shards(); ++i) world.hub(i).drain(spread);
  world.run();
}

struct TwoGuests {
  explicit TwoGuests(base::ShardIndex shards)
      : world(shards), alice(world, "alice", 0), bob(world, "bob", 1) {
    alice.ack();
  }
  World world;
  Guest alice, bob;
};

}  // namespace

TEST_CASE("drain: sessions are sent away over its time, those of one room together") {
  World world;
  std::vector<std::unique_ptr<Guest>> members;
  const auto come = [&](unsigned rooms) {
    for (unsigned i = 0; i < rooms; ++i) {
      const auto room = "r" + std::to_string(i);
      members.push_back(std::make_unique<Guest>(world, "a" + room, 2 * i, room));
      members.push_back(std::make_unique<Guest>(world, "b" + room, 2 * i + 1, room));
      members[2 * i]->ack();
    }
  };
  const auto away = [&] {
    for (std::size_t i = 0; i < members.size(); i += 2)
      CHECK(members[i]->is_away() == members[i + 1]->is_away());
    return std::count_if(members.begin(), members.end(),
                         [](const auto& member) { return member->is_away(); });
  };
  SUBCASE("many") {
    come(50);
    world.hub(0).drain(1s);
    world.run();
    CHECK(away() < 5);
    world.advance(500ms);
    CHECK(away() > 30);
    CHECK(away() < 70);
    world.advance(600ms);
    CHECK(away() == 100);
  }
  SUBCASE("few: the last not long before its end") {
    come(2);
    world.hub(0).drain(8s);
    world.advance(3s);
    CHECK(away() == 2);
    world.advance(1s);
    CHECK(away() == 2);
    world.advance(4s);
    CHECK(away() == 4);
  }
}

TEST_CASE_TEMPLATE("drain: what was said is acknowledged before anybody is sent away", Shards,
                   OneShard, ThreeShards) {
  TwoGuests pair(Shards::value);
  auto& [world, alice, bob] = pair;
  CHECK(alice.chat(1)->up == 1);
  alice.client.session()->drain(2s, 1s);
  world.run();
  CHECK_FALSE(alice.is_away());
  CHECK_FALSE(bob.is_away());
  SUBCASE("it acknowledges") {
    bob.ack();
    CHECK(bob.is_away());
    world.advance(50ms);
    CHECK(alice.log->types() == "created peer-joined ready");
  }
  SUBCASE("or its time is over, and the sender hears so") {
    world.advance(1900ms);
    CHECK_FALSE(bob.is_away());
    world.advance(200ms);
    CHECK(bob.is_away());
    CHECK_FALSE(alice.is_away());
    CHECK(alice.refusal() == "draining");
    CHECK(alice.log->events.back()["re"] == 1);
    CHECK(alice.log->events.back()["to"] == bob.peer);
    alice.ack();
    world.advance(50ms);
  }
  CHECK(alice.is_away());
}

TEST_CASE_TEMPLATE("drain: a client that acknowledges at times only has what was sent to it",
                   Shards, OneShard, ThreeShards) {
  static constexpr dialects::Traits kAtTimes{.acknowledges = false, .activates = false};
  TwoGuests pair(Shards::value);
  auto& [world, alice, bob] = pair;
  bob.client.session()->behave_as(kAtTimes);
  bob.ack();
  alice.chat(1);
  alice.client.session()->drain(2s, 1s);
  world.run();
  CHECK(bob.is_away());
  world.advance(50ms);
  CHECK(alice.log->types() == "created peer-joined ready");
  CHECK(alice.is_away());
}

TEST_CASE_TEMPLATE("drain: once one member is to go, no message of the others is taken", Shards,
                   OneShard, ThreeShards) {
  TwoGuests pair(Shards::value);
  auto& [world, alice, bob] = pair;
  CHECK(bob.chat(1)->up == 1);
  bob.client.session()->drain(2s, 1s);
  world.run();
  const auto refused = bob.chat(2);
  CHECK(refused->refusal() == "draining");
  CHECK(refused->error->expected == 2);
  CHECK_MESSAGE(alice.log->events.back()["data"] == 1, "what was taken before arrives");
  CHECK(alice.chat(1)->error->expected == 1);
  CHECK_FALSE(alice.is_away());
  alice.ack();
  CHECK(alice.is_away());
  CHECK(bob.chat(2)->error->expected == 2);
}

TEST_CASE_TEMPLATE("drain: a member that is away may come back for what waits", Shards, OneShard,
                   ThreeShards) {
  TwoGuests pair(Shards::value);
  auto& [world, alice, bob] = pair;
  bob.client.cut(1);
  CHECK(alice.chat(1)->up == 1);
  drain(world, 1s);
  world.advance(900ms);
  CHECK_FALSE(alice.is_away());
  const auto log = bob.client.stream(
      Json{{"resume", Json::object()}, {"ack", bob.log->last()}, {"carrier", "c"}}.dump());
  REQUIRE(log->events.size() == 1);
  CHECK(log->events[0]["data"] == 1);
  CHECK_FALSE(log->ended);
  bob.client.upload(Json{{"ack", log->last()}}.dump());
  CHECK(log->control() == "end draining");
  CHECK(bob.client.poll(R"({"resume":{},"n":1,"carrier":"p"})")->answer->at("ended")["expected"] ==
        1);
  world.advance(50ms);
  CHECK(alice.is_away());
  CHECK(alice.log->types() == "created peer-joined ready");
}

TEST_CASE_TEMPLATE("drain: the sender hears what never reaches a client that stays away", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Guest alice(world, "alice", 0);
  Guest bob(world, "bob", 1, "r", "bob");
  alice.ack();
  bob.client.cut(1);
  CHECK(alice.chat(1)->up == 1);
  alice.client.say(R"({"type":"letter","to":"@bob","data":2})");
  drain(world, 10s);
  SUBCASE("before the turn of its room") {}
  SUBCASE("in the turn of its room") { alice.client.session()->drain(2s, 1s); }
  world.advance(1900ms);
  CHECK(alice.log->types() == "created peer-joined ready");
  world.advance(200ms);
  CHECK(alice.log->types() == "created peer-joined ready error error");
  std::map<int, std::string> refused;
  for (const auto& event : alice.log->events) {
    if (event["type"] != "error") continue;
    CHECK(event["code"] == "draining");
    refused[event["re"]] = event["to"];
  }
  CHECK(refused == std::map<int, std::string>{{1, bob.peer}, {2, "@bob"}});
  const auto back = std::make_shared<ReplyLog>();
  SUBCASE("what is said later is refused at once") {
    const auto reply = alice.chat(3);
    if (!reply->error) CHECK(alice.log->events.back()["re"] == 3);
    if (!reply->error) CHECK(alice.refusal() == "draining");
  }
  SUBCASE("and it does not come when the client is back") {
    const auto log = bob.client.stream(
        Json{{"resume", Json::object()}, {"ack", bob.log->last()}, {"carrier", "c"}}.dump(), back);
    CHECK(log->events.empty());
    CHECK(back->refusal() == "draining");
    CHECK(back->error->expected == 1);
    const auto poll = bob.client.poll(R"({"resume":{},"n":1,"carrier":"p"})");
    CHECK(poll->answer->at("ended")["code"] == "draining");
    CHECK(poll->answer->at("events").empty());
  }
  alice.ack();
  world.advance(12s);
  CHECK(alice.is_away());
  for (base::ShardIndex i = 0; i < world.shards(); ++i) CHECK(world.hub(i).drained_of_present());
}

TEST_CASE_TEMPLATE("drain: what waits in mailboxes is refused, and its sender hears so", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Guest alice(world, "alice", 0, "a");
  alice.client.say(R"({"type":"letter","to":"@nobody","data":1})");
  alice.client.say(R"({"type":"letter","to":"@nobody","data":2})");
  CHECK(alice.log->types() == "created stored stored");
  drain(world, 10s);
  CHECK(alice.log->types() == "created stored stored error error");
  CHECK(alice.refusal() == "draining");
  CHECK(alice.log->events.back()["re"] == 2);
  CHECK(alice.log->events.back()["to"] == "@nobody");
  CHECK(world.exchange.mailbox.bytes == 0);
  CHECK(world.names() == 0);
  alice.ack();
  world.advance(11s);
  CHECK(alice.is_away());
}

TEST_CASE_TEMPLATE("drain: a sender is not kept for the receiver of a letter whose turn is later",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Guest alice(world, "alice", 0, "a");
  Guest bob(world, "bob", 1, "b", "bob");
  alice.client.say(R"({"type":"letter","to":"@bob","data":1})");
  alice.client.session()->drain(2s, 1s);
  world.advance(1900ms);
  CHECK_FALSE(alice.is_away());
  SUBCASE("it acknowledges") {
    bob.ack();
    world.advance(50ms);
    CHECK(alice.log->types() == "created");
  }
  SUBCASE("or the sender hears that it has not") {
    world.advance(200ms);
    CHECK_FALSE(alice.is_away());
    CHECK(alice.refusal() == "draining");
    CHECK(alice.log->events.back()["to"] == "@bob");
    alice.ack();
    world.advance(50ms);
  }
  CHECK(alice.is_away());
  CHECK_FALSE(bob.is_away());
}

TEST_CASE_TEMPLATE("drain: nothing is said to names whose holder goes, or that nobody holds",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Guest alice(world, "alice", 0, "a");
  Guest bob(world, "bob", 1, "b", "bob");
  const auto mail = [&](const std::string& to) {
    alice.client.say(Json{{"type", "chat"}, {"to", to}, {"data", 1}}.dump());
  };
  mail("@bob");
  CHECK(bob.log->events.back()["data"] == 1);
  for (base::ShardIndex i = 0; i < world.shards(); ++i) world.hub(i).drain(3600s);
  bob.client.session()->drain(2s, 1s);
  world.run();
  mail("@bob");
  CHECK(alice.refusal() == "draining");
  CHECK(alice.log->events.back()["to"] == "@bob");
  mail("@nobody");
  CHECK(alice.log->events.back()["to"] == "@nobody");
  CHECK(alice.refusal() == "draining");
}

TEST_CASE_TEMPLATE("drain: a session in two rooms takes both along", Shards, OneShard,
                   ThreeShards) {
  World world(Shards::value);
  Guest alice(world, "alice", 0, "a");
  Guest bob(world, "bob", 1, "a");
  Guest carol(world, "carol", 2, "b");
  bob.client.say(R"({"type":"join","room":"b"})");
  for (auto* each : {&alice, &bob, &carol}) each->ack();
  world.hub(0).drain(10s);
  alice.client.session()->drain(2s, 1s);
  world.run();
  CHECK(alice.is_away());
  CHECK(bob.is_away());
  CHECK(carol.is_away());
}

TEST_CASE("drain: without time nobody is waited for") {
  TwoGuests pair(1);
  pair.alice.chat(1);
  pair.world.hub(0).drain(0s);
  pair.world.run();
  CHECK(pair.alice.is_away());
  CHECK(pair.bob.is_away());
}

TEST_CASE_TEMPLATE("drain: what waits for its turn to the last is refused", Shards, OneShard,
                   ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.settings.message_rate = 1;
  options.settings.message_burst = 4;
  World world(options);
  Guest alice(world, "alice", 0);
  Guest bob(world, "bob", 1);
  const auto peer = bob.client.session()->peer();
  // To several at once: the second one waits until the rate allows it.
  const Json two{{"type", "chat"}, {"to", {peer, "@a", "@b"}}, {"data", 1}};
  auto messages = Json::array({two, two, two});
  for (int i = 0; i < 3; ++i) messages[static_cast<std::size_t>(i)]["n"] = i + 1;
  CHECK(alice.client.upload(Json{{"messages", messages}}.dump())->up == 3);
  REQUIRE(alice.client.session()->awaits_bus());
  alice.client.session()->drain(200ms, 1s);
  world.advance(300ms);
  CHECK(alice.refusal() == "draining");
  CHECK(alice.log->events.back()["re"] == 3);
  CHECK_FALSE(alice.is_away());
  alice.ack();
  world.advance(300ms);
  CHECK(alice.is_away());
}

TEST_CASE("drain: nobody waits for sessions that went with their room before") {
  TwoGuests pair(1);
  auto& [world, alice, bob] = pair;
  alice.client.session()->drain(2s, 1s);
  world.run();
  CHECK(alice.is_away());
  CHECK(bob.is_away());
  CHECK_FALSE(world.hub(0).drained());
  world.hub(0).drain(1s);
  CHECK(world.hub(0).drained());
}

// Whatever the receivers do, each message is acknowledged by each of them, or its sender hears of
// it as long as it is there.
TEST_CASE_TEMPLATE("drain: no message vanishes while receivers come and go", Shards, OneShard,
                   ThreeShards) {
  for (unsigned seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto dice = [&](unsigned sides) { return random() % sides; };
    World world(Shards::value);
    Guest alice(world, "alice", dice(3), "r");
    std::vector<std::unique_ptr<Guest>> others;
    for (const auto* name : {"bob", "carl"})
      others.push_back(
          std::make_unique<Guest>(world, name, dice(3), name[0] == 'b' ? "r" : "s", name));
    alice.ack();
    std::map<std::uint64_t, std::string> said;             // by number: to whom
    std::map<std::string, std::set<std::uint64_t>> heard;  // what each has acknowledged
    const auto note = [&](const Guest& guest, const std::string& name) {
      for (const auto& event : guest.log->events)
        if (event["type"] == "chat") heard[name].insert(event["data"].get<std::uint64_t>());
    };
    bool drains = false;
    for (int step = 0; step < 60 && !alice.is_away(); ++step) {
      const auto which = dice(2);
      auto& other = *others[which];
      const std::string name = which == 0 ? "bob" : "carl";
      switch (dice(7)) {
        case 0:
        case 1: {
          const std::string to = std::array{"", "@bob", "@carl", "@nobody"}[dice(4)];
          Json message{{"type", "chat"}, {"data", alice.client.n + 1}};
          if (!to.empty()) message["to"] = to;
          if (!alice.client.say(message.dump())->error)
            said[alice.client.n] = to;
          else
            --alice.client.n;
          break;
        }
        case 2:
          note(other, name);
          other.ack();
          break;
        case 3: other.client.cut(); break;
        case 4:
          if (other.client.session() != nullptr) {
            note(other, name);
            const auto log = other.client.stream(Json{
                {"resume", Json::object()},
                {"ack", other.log->last()},
                {"carrier", "c"}}.dump());
            if (log->welcome) other.log = log;
          }
          break;
        case 5: world.advance(std::chrono::milliseconds(100 * dice(12))); break;
        default:
          if (!drains && dice(4) == 0) {
            drains = true;
            drain(world, std::chrono::seconds(1 + dice(4)));
          }
      }
      alice.ack();
    }
    if (!drains) drain(world, 2s);
    for (int i = 0; i < 100 && !alice.is_away(); ++i) {
      world.advance(100ms);
      alice.ack();
    }
    CHECK(alice.is_away());
    for (const auto& each : said) {
      const auto number = each.first;
      const auto& to = each.second;
      const auto receiver = to.empty() ? "bob" : to.substr(1);
      const bool is_refused =
          std::any_of(alice.log->events.begin(), alice.log->events.end(), [&](const Json& event) {
            return event["type"] == "error" && event.value("re", std::uint64_t{0}) == number;
          });
      CAPTURE(number);
      CAPTURE(to);
      CHECK((heard[receiver].contains(number) || is_refused));
    }
  }
}
