// How often one member can make the server tell the others something without a message: its
// presence and its name.
#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

World::Options unhurried(base::ShardIndex shards) {
  World::Options options{.shards = shards};
  options.settings.message_rate = 0;  // what is tested must hold without it
  return options;
}

/// Alice watches the room `r`, in which Bob is by polls.
struct Watched {
  explicit Watched(base::ShardIndex shards, std::string_view capacity = "9",
                   const session::Settings& settings = {})
      : world([&] {
          auto options = unhurried(shards);
          options.settings.outbox_limit = settings.outbox_limit;
          options.settings.join_rate = settings.join_rate;
          options.settings.join_burst = settings.join_burst;
          return options;
        }()),
        alice(world, "alice", 0),
        bob(world, "bob", 1) {
    a = alice.stream(R"({"open":{},"carrier":"a","turn":1})");
    alice.say(R"({"type":"join","room":"r","capacity":)" + std::string(capacity) + "}");
    alice.upload(R"({"ack":1})");
    bob.poll(R"({"open":{},"carrier":"p","n":1,"turn":1})");
    bob.say(R"({"type":"join","room":"r"})");
    bob.upload(R"({"ack":0})");
    a->news();
  }
  void go() { bob.upload(R"({"away":true})"); }
  void come() { bob.poll(R"({"carrier":"p","wait":0,"n":)" + std::to_string(++polls) + "}"); }
  void stay() {
    come();  // what waits must be written before it is acknowledged
    bob.poll(
        Json{{"carrier", "p"}, {"n", ++polls}, {"ack", bob.session()->outbox().last()}}.dump());
  }
  void flap(int times) {
    for (int i = 0; i < times; ++i) {
      go();
      come();
    }
  }
  /// Alice has been told this of Bob, and as much as the rate allows.
  void use_up() {
    flap(2);
    CHECK(a->news() == "peer-suspended peer-resumed peer-suspended peer-resumed");
  }

  World world;
  Client alice, bob;
  std::shared_ptr<StreamLog> a;
  int polls = 1;
};

/// Logs in under so many names that nobody had; how many logins were not refused.
int log_in(Client& client, const StreamLog& log, int times, int& next) {
  int taken = 0;
  for (int i = 0; i < times; ++i) {
    client.say(Json{{"type", "login"}, {"name", "name" + std::to_string(next++)}}.dump());
    client.upload(Json{{"ack", log.last()}}.dump());
    if (log.events.back()["type"] == "login") ++taken;
  }
  return taken;
}

}  // namespace

TEST_CASE_TEMPLATE("members hear little of a member that comes and goes, and in the end the truth",
                   Shards, OneShard, ThreeShards) {
  Watched r(Shards::value);
  SUBCASE("they know that it is there, and it is") {
    r.flap(1000);
    CHECK(r.a->news() == "peer-suspended peer-resumed peer-suspended peer-resumed");
    r.world.advance(5s);
    CHECK(r.a->news() == "");
  }
  SUBCASE("they know that it is there, and it has gone") {
    r.flap(1000);
    r.go();
    CHECK(r.a->news() == "peer-suspended peer-resumed peer-suspended peer-resumed");
    r.world.advance(1100ms);
    CHECK(r.a->news() == "peer-suspended");
    r.world.advance(60s);
    CHECK(r.a->news() == "");
  }
  SUBCASE("they know that it has gone, and it is back") {
    r.use_up();
    r.world.advance(1s);
    r.go();
    CHECK(r.a->news() == "peer-suspended");
    r.come();
    r.flap(1000);
    CHECK(r.a->news() == "");
    r.world.advance(1100ms);
    CHECK(r.a->news() == "peer-resumed");
  }
  SUBCASE("and never more than one event a second") {
    r.use_up();
    std::size_t heard = r.a->events.size();
    for (int i = 0; i < 140; ++i) {
      i % 2 == 0 ? r.go() : r.come();
      r.world.advance(70ms);
    }
    heard = r.a->events.size() - heard;
    CHECK(heard >= 1);
    CHECK(heard <= 10);
    r.world.advance(2s);
    CHECK(r.a->events.back()["type"] == "peer-resumed");
  }
  SUBCASE("after a rest as at first") {
    r.use_up();
    r.world.advance(4s);
    r.use_up();
  }
}

TEST_CASE_TEMPLATE("a session that ends before its absence was told has only left", Shards,
                   OneShard, ThreeShards) {
  Watched r(Shards::value);
  r.use_up();
  r.go();
  r.bob.say(R"({"type":"leave"})");
  CHECK(r.a->news() == "peer-left");
  r.world.advance(5s);
  CHECK(r.a->news() == "");
  CHECK(r.world.sessions() == 1);
}

TEST_CASE_TEMPLATE("a room that is joined before an absence was told hears of it with the others",
                   Shards, OneShard, ThreeShards) {
  Watched r(Shards::value);
  r.alice.say(R"({"type":"join","room":"wide","capacity":9})");
  r.a->news();
  r.use_up();
  r.go();
  r.bob.say(R"({"type":"join","room":"wide"})");
  CHECK(r.a->news() == "peer-joined");
  Client carol(r.world, "carol", 2);
  const auto c = carol.stream(R"({"open":{},"carrier":"c","turn":1})");
  carol.say(R"({"type":"join","room":"wide"})");
  REQUIRE(c->events.size() == 1);
  CHECK(c->events[0]["members"][1]["suspended"] == false);  // as the others know it
  c->news();
  SUBCASE("if it is still so") {
    r.world.advance(1100ms);
    CHECK(r.a->news() == "peer-joined peer-suspended peer-suspended");
    CHECK(c->news() == "peer-suspended");
  }
  SUBCASE("and else of nothing") {
    r.come();
    r.world.advance(1100ms);
    CHECK(r.a->news() == "peer-joined");
    CHECK(c->news() == "");
  }
}

TEST_CASE_TEMPLATE("who joined and was suspended meanwhile is counted as well", Shards, OneShard,
                   ThreeShards) {
  Watched r(Shards::value);
  r.go();
  r.a->news();
  for (int i = 0; i < 100; ++i) {
    r.bob.say(R"({"type":"leave","room":"r"})");
    r.bob.say(R"({"type":"join","room":"r"})");
  }
  const auto news = r.a->news();
  std::size_t told = 0;
  for (auto at = news.find("peer-suspended"); at != std::string::npos;
       at = news.find("peer-suspended", at + 1))
    ++told;
  CHECK(told <= 3);
  r.world.advance(1100ms);
  CHECK(r.a->news() == "peer-suspended");
}

TEST_CASE_TEMPLATE("places go by what is so, whatever the members know", Shards, OneShard,
                   ThreeShards) {
  Watched r(Shards::value, "2");
  Client carol(r.world, "carol", 2);
  carol.address = "elsewhere";
  const auto c = carol.stream(R"({"open":{},"carrier":"c","turn":1})");
  SUBCASE("an absence that nobody was told of gives the place away, without a probe") {
    r.alice.heard();
    r.stay();
    carol.say(R"({"type":"join","room":"r"})");
    REQUIRE(c->news() == "full");  // and causes no probe for a second
    r.use_up();
    r.go();
    carol.say(R"({"type":"join","room":"r"})");
    CHECK(c->news() == "joined ready");
    CHECK(r.a->news() == "peer-left peer-joined ready");
  }
  SUBCASE("a return that nobody was told of keeps it") {
    r.use_up();
    r.world.advance(1s);
    r.go();
    CHECK(r.a->news() == "peer-suspended");
    r.stay();
    r.alice.heard();
    carol.say(R"({"type":"join","room":"r"})");
    CHECK(c->news() == "full");
    r.world.advance(1100ms);
    CHECK(r.a->news() == "peer-resumed");
  }
}

TEST_CASE_TEMPLATE("a session may change its name 20 times at once, then once a second", Shards,
                   OneShard, ThreeShards) {
  Watched r(Shards::value);
  Client carol(r.world, "carol", 2);
  const auto c = carol.stream(R"({"open":{},"carrier":"c","turn":1})");
  carol.say(R"({"type":"join","room":"r"})");
  r.a->news();
  int next = 0;
  CHECK(log_in(carol, *c, 1000, next) == 20);
  const auto& refused = c->events.back();
  CHECK(refused["code"] == "rate_limited");
  CHECK(refused["re"] == carol.n);
  CHECK(refused["hint"] == "Wait a second before you log in or out again.");
  const auto told = r.a->events.size();
  r.a->news();
  CHECK(r.a->events.back()["name"] == "name19");

  SUBCASE("one that it has already costs nothing") {
    for (int i = 0; i < 100; ++i) carol.say(R"({"type":"login","name":"name19"})");
    CHECK(c->events.back()["type"] == "login");
    r.world.advance(1s);
    CHECK(log_in(carol, *c, 5, next) == 1);
  }
  SUBCASE("logouts count as well") {
    carol.say(R"({"type":"logout"})");
    CHECK(c->events.back()["code"] == "rate_limited");
    r.world.advance(1s);
    carol.say(R"({"type":"logout"})");
    CHECK(c->events.back()["type"] == "logout");
    CHECK(r.a->news() == "peer-named");
  }
  SUBCASE("after a rest as at first") {
    r.world.advance(20s);
    CHECK(log_in(carol, *c, 30, next) == 20);
  }
  SUBCASE("and tells its rooms no more than that") {
    CHECK(r.a->events.size() == told);
    r.world.advance(5s);
    CHECK(r.a->news() == "");
  }
}

TEST_CASE("the name in `open` is not counted") {
  Watched r(1);
  Client carol(r.world, "carol");
  const auto c = carol.stream(R"({"open":{"name":"first","room":"r"},"carrier":"c","turn":1})");
  int next = 0;
  CHECK(log_in(carol, *c, 100, next) == 20);
}

TEST_CASE("names that rooms tell count for the address, with its joins") {
  session::Settings settings;
  settings.join_rate = 1;
  settings.join_burst = 10;
  Watched r(1, "9", settings);  // two joins
  int next = 0;
  std::vector<std::unique_ptr<Client>> many;
  int taken = 0;
  int joined = 0;
  for (int i = 0; i < 6; ++i) {
    auto& client =
        *many.emplace_back(std::make_unique<Client>(r.world, "many" + std::to_string(i)));
    const auto log = client.stream(R"({"open":{},"carrier":"c","turn":1})");
    client.say(R"({"type":"join","room":"r"})");
    if (log->types() == "joined") ++joined;
    taken += log_in(client, *log, 6, next);
    if (joined < 2) continue;
    CHECK(log->events.back()["hint"].get<std::string>().find("--join-rate") != std::string::npos);
    break;
  }
  CHECK(joined == 2);
  CHECK(taken == 6);
}

TEST_CASE("a member whose line is cut keeps its session, whatever another does without messages") {
  session::Settings settings;
  settings.outbox_limit = 60'000;
  Watched r(1, "9", settings);
  r.alice.cut();
  const auto c = r.bob.stream(R"({"resume":{},"carrier":"c","turn":2,"ack":0})");
  for (int second = 0; second < 100; ++second) {
    for (int i = 0; i < 20; ++i) {
      r.go();
      r.bob.stream(R"({"resume":{},"carrier":"c"})");
      r.bob.say(Json{{"type", "login"}, {"name", std::to_string(r.bob.n)}}.dump());
      r.bob.upload(Json{{"ack", r.bob.session()->outbox().written()}}.dump());
    }
    r.world.advance(1s);
  }
  REQUIRE(r.alice.session() != nullptr);
  CHECK(r.world.shared.ends[static_cast<std::size_t>(session::End::slow_consumer)] == 0);
  const auto back = r.alice.stream(R"({"resume":{},"carrier":"a","ack":1})");
  CHECK(back->welcome);
}
