// What was said to a name whose holder ends without having acknowledged it: the next holder gets
// it, or the sender hears of it.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "login/login.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using session::End;

namespace {

struct Holder {
  Holder(World& world, std::string_view name, unsigned here, const std::string& opening = "{}",
         bool paused = false)
      : client(world, name, here) {
    client.paused = paused;
    log = client.stream(R"({"open":)" + opening + R"(,"carrier":"c","turn":1})");
    if (!client.paused) client.upload(R"({"ack":0})");
  }
  void login(const std::string& name) {
    client.say(Json{{"type", "login"}, {"name", name}}.dump());
  }
  void tell(const std::string& name, int number) {
    client.say(Json{{"type", "chat"}, {"to", "@" + name}, {"data", number}}.dump());
  }
  void acknowledge(std::uint64_t number) { client.upload(Json{{"ack", number}}.dump()); }
  /// The numbers that it was told, in order.
  std::vector<int> heard() const {
    std::vector<int> numbers;
    for (const auto& event : log->events)
      if (event["type"] == "chat") numbers.push_back(event["data"]);
    return numbers;
  }
  /// The types of what it was told in answer to the message with that number.
  std::string answer_to(std::uint64_t re) const {
    std::string types;
    for (const auto& event : log->events) {
      if (event.value("re", std::uint64_t{0}) != re) continue;
      types += event["type"] == "error" ? event["code"].get<std::string>()
                                        : event["type"].get<std::string>();
      types += ' ';
    }
    return types;
  }

  Client client;
  std::shared_ptr<StreamLog> log;
};

using Numbers = std::vector<int>;

void end(World& world, Holder& holder, End reason) {
  holder.client.session()->end(reason);
  world.run();
}

}  // namespace

TEST_CASE_TEMPLATE("what a session had not acknowledged waits for the next holder of its name",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Holder ann(world, "ann", 0);
  Holder bob(world, "bob", 1);
  bob.login("b");
  for (int i = 1; i <= 4; ++i) ann.tell("b", i);
  CHECK(bob.heard() == Numbers{1, 2, 3, 4});
  CHECK(ann.log->events.empty());
  bob.acknowledge(2);  // its login, and the first message
  SUBCASE("that has left") { end(world, bob, End::left); }
  SUBCASE("that was cut") {
    bob.client.cut();
    world.advance(30s);
    end(world, bob, End::timeout);
  }
  SUBCASE("that has not kept up") { end(world, bob, End::slow_consumer); }
  CHECK(ann.log->types() == "stored stored stored");
  CHECK(ann.answer_to(1) == "");
  CHECK(ann.answer_to(2) == "stored ");
  ann.tell("b", 5);
  Holder eve(world, "eve", 2);
  eve.login("b");
  CHECK(eve.heard() == Numbers{2, 3, 4, 5});
  CHECK_MESSAGE(eve.log->types() == "chat chat chat chat login", "before the answer");
  ann.tell("b", 6);
  eve.acknowledge(eve.log->last());
  end(world, eve, End::left);
  Holder dan(world, "dan", 0);
  dan.login("b");
  CHECK(dan.heard().empty());
  end(world, dan, End::left);
  CHECK(world.exchange.mailbox.bytes == 0);
}

TEST_CASE_TEMPLATE("what it had not acknowledged comes to the one that replaces it", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Holder ann(world, "ann", 0);
  Holder bob(world, "bob", 1, R"({"name":"b"})");
  for (int i = 1; i <= 4; ++i) ann.tell("b", i);
  bob.acknowledge(3);
  bob.client.upload(R"({"away":true})");
  ann.tell("b", 5);
  Holder reloaded(world, "reloaded", 2, Json{{"name", "b"}, {"replaces", bob.client.key}}.dump());
  ann.tell("b", 6);
  CHECK(reloaded.heard() == Numbers{3, 4, 5, 6});
  CHECK(reloaded.log->types() == "chat chat chat login chat");
  CHECK(ann.log->events.empty());
  CHECK(bob.client.session() == nullptr);
  CHECK(world.names() == 1);
}

TEST_CASE_TEMPLATE("who waits for the name gets what its holder had not acknowledged", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Holder ann(world, "ann", 0);
  Holder bob(world, "bob", 1);
  Holder eve(world, "eve", 2);
  Holder dan(world, "dan", 2);
  bob.login("b");
  world.advance(2s);
  ann.tell("b", 1);
  eve.login("b");  // bob is probed
  dan.login("b");
  end(world, bob, End::left);
  CHECK(eve.heard() == Numbers{1});
  eve.client.heard();
  dan.client.heard();
  world.run();
  CHECK(dan.heard().empty());
  ann.tell("b", 2);
  CHECK(eve.heard() == Numbers{1, 2});
  CHECK(ann.log->events.empty());
  world.advance(11s);
}

TEST_CASE_TEMPLATE("the sender hears of what cannot wait", Shards, OneShard, ThreeShards) {
  World::Options options{.shards = Shards::value};
  options.mailboxes.messages = 2;
  World world(options);
  Holder ann(world, "ann", 0);
  Holder bob(world, "bob", 1);
  bob.login("b");
  for (int i = 1; i <= 3; ++i) ann.tell("b", i);
  SUBCASE("because the mailbox is full") {
    end(world, bob, End::left);
    CHECK(ann.answer_to(1) == "stored ");
    CHECK(ann.answer_to(3) == "mailbox_full ");
  }
  SUBCASE("because it is too old") {
    world.advance(61s);
    end(world, bob, End::left);
    for (unsigned i = 1; i <= 3; ++i) CHECK(ann.answer_to(i) == "nobody_there ");
    CHECK(ann.log->events.back()["to"] == "@b");
  }
  SUBCASE("because somebody else has the name") {
    bob.client.upload(R"({"away":true})");
    Holder eve(world, "eve", 2);
    eve.login("b");
    CHECK(eve.heard().empty());
    end(world, bob, End::timeout);
    for (unsigned i = 1; i <= 3; ++i) CHECK(ann.answer_to(i) == "nobody_there ");
    CHECK(eve.heard().empty());
  }
  SUBCASE("because its next holder speaks another dialect") {
    end(world, bob, End::left);
    PlainClient old(world, dialects::login::protocol(), "old", dialects::plain::kSocket, 2);
    const auto log = old.attach();
    old.say(R"({"type":"login","name":"b"})");
    CHECK(log->last_frame().find("true") != std::string::npos);
    CHECK(log->frames.size() == 1);
    CHECK(ann.answer_to(1) == "stored nobody_there ");
  }
}

TEST_CASE_TEMPLATE("a logout gives nothing back; the end after it lets the sender know", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Holder ann(world, "ann", 0);
  Holder bob(world, "bob", 1);
  bob.login("b");
  ann.tell("b", 1);
  bob.client.say(R"({"type":"logout"})");
  CHECK(ann.log->events.empty());
  end(world, bob, End::left);
  CHECK(ann.answer_to(1) == "nobody_there ");
}

TEST_CASE_TEMPLATE("what a former holder has not acknowledged never follows what was said later",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  Holder ann(world, "ann", 0);
  Holder bob(world, "bob", 1);
  Holder eve(world, "eve", 2);
  bob.login("b");
  ann.tell("b", 1);
  SUBCASE("the name has passed on by a probe") { bob.client.upload(R"({"away":true})"); }
  SUBCASE("it has given the name up") { bob.client.say(R"({"type":"logout"})"); }
  SUBCASE("it has taken another name") { bob.login("other"); }
  eve.login("b");
  ann.tell("b", 2);
  eve.acknowledge(eve.log->last());
  CHECK(eve.heard() == Numbers{2});
  eve.client.say(R"({"type":"logout"})");
  end(world, bob, End::timeout);
  CHECK(ann.answer_to(1) == "nobody_there ");
  Holder dan(world, "dan", 0);
  dan.login("b");
  CHECK(dan.heard().empty());
  CHECK(world.exchange.mailbox.bytes == 0);
}

// Every message is heard by those who have acknowledged it, or by the last holder, once and in
// order, or its sender hears of it; however what is on its way between shards is interleaved.
TEST_CASE_TEMPLATE("no message to a name vanishes while holders come and go", Shards, OneShard,
                   ThreeShards) {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto dice = [&](unsigned sides) { return random() % sides; };
    World world(Shards::value);
    Holder ann(world, "ann", dice(3));
    std::vector<std::unique_ptr<Holder>> holders;
    holders.push_back(std::make_unique<Holder>(world, "h0", dice(3), R"({"name":"b"})"));
    ann.client.paused = true;
    int said = 0;
    std::vector<int> done;  // acknowledged, in order
    // What a holder has heard and acknowledges.
    const auto acknowledge = [&](Holder& holder, std::uint64_t number) {
      if (holder.client.session() == nullptr) return;
      const auto before = holder.client.session()->outbox().acknowledged();
      number = std::min(number, holder.log->last());
      for (std::size_t i = 0; i < holder.log->events.size(); ++i) {
        const auto at = holder.log->numbers[i];
        if (at > before && at <= number && holder.log->events[i]["type"] == "chat")
          done.push_back(holder.log->events[i]["data"]);
      }
      session::Inputs inputs;
      inputs.ack = number;
      holder.client.session()->process(std::move(inputs));
    };
    for (int step = 0; step < 60; ++step) {
      auto& holder = *holders.back();
      switch (dice(6)) {
        case 0:
        case 1: ann.tell("b", ++said); break;
        case 2: world.turn(static_cast<base::ShardIndex>(dice(world.shards()))); break;
        case 3:
          acknowledge(holder,
                      holder.log->last() - std::min<std::uint64_t>(holder.log->last(), dice(3)));
          break;
        case 4:
          if (holders.size() < 6 && dice(3) == 0 && holder.client.session() != nullptr) {
            const bool replaces = dice(2) == 0;
            if (!replaces) holder.client.session()->end(End::left);
            Json opening{{"name", "b"}};
            if (replaces) opening["replaces"] = holder.client.key;
            holders.push_back(std::make_unique<Holder>(world, "h" + std::to_string(holders.size()),
                                                       dice(3), opening.dump(), true));
          }
          break;
        default: world.turn(static_cast<base::ShardIndex>(dice(world.shards()))); break;
      }
    }
    world.run();
    acknowledge(*holders.back(), holders.back()->log->last());
    world.run();
    std::map<int, int> count;
    for (const int number : done) ++count[number];
    CHECK(std::is_sorted(done.begin(), done.end()));
    for (int number = 1; number <= said; ++number) {
      const auto answer = ann.answer_to(static_cast<std::uint64_t>(number));
      const bool is_refused = answer.find("nobody_there") != std::string::npos ||
                              answer.find("mailbox_full") != std::string::npos ||
                              answer.find("busy") != std::string::npos;
      CAPTURE(number);
      CAPTURE(answer);
      CHECK(count[number] + (is_refused ? 1 : 0) == 1);
    }
  }
}

TEST_CASE_TEMPLATE("if memory is short while a holder ends, no message vanishes without a word",
                   Shards, OneShard, ThreeShards) {
  for (base::ShardIndex shard = 0; shard < Shards::value; ++shard) {
    bool has_failed = true;
    for (int number = 1; has_failed; ++number) {
      CAPTURE(shard);
      CAPTURE(number);
      World world(Shards::value);
      Holder ann(world, "ann", 0);
      Holder bob(world, "bob", 1, R"({"name":"b"})");
      for (int i = 1; i <= 3; ++i) ann.tell("b", i);
      bob.acknowledge(2);
      ann.client.paused = true;
      ann.tell("b", 4);  // on its way when the holder ends
      auto& fails_at = world.runner(shard).fails_at;
      fails_at = number;
      bob.client.session()->end(End::left);
      world.run();
      has_failed = fails_at == 0;
      fails_at = 0;
      Holder eve(world, "eve", 2);
      eve.login("b");
      CHECK(eve.log->types().find("login") != std::string::npos);
      if (ann.client.session() == nullptr) continue;  // its client knows that messages may be lost
      CHECK(eve.heard() == Numbers{2, 3, 4});
    }
  }
}
