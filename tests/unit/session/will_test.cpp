// What is said to a name for a client when its session ends.
#include <doctest/doctest.h>

#include "login/login.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;

namespace {

/// A login client on a WebSocket, which ends with it.
struct Named {
  Named(World& world, const std::string& name, base::ShardIndex here, const std::string& key = "")
      : client(world, dialects::login::protocol(), name + key, dialects::plain::kSocket, here),
        log(client.attach()) {
    client.say(R"({"type":"login","name":")" + name + "\"}");
    REQUIRE(news() == R"({"type":"login","success":true})");
  }
  void offer(const std::string& name) {
    client.say(R"({"type":"offer","offer":1,"name":")" + name + "\"}");
  }
  void leave(const std::string& name) { client.say(R"({"type":"leave","name":")" + name + "\"}"); }
  /// The frames since the last call.
  std::string news() {
    std::string out;
    for (; seen < log->frames.size(); ++seen) out += log->frames[seen];
    return out;
  }

  PlainClient client;
  std::shared_ptr<FrameLog> log;
  std::size_t seen = 0;
};

std::string offer_of(const std::string& name) {
  return R"({"type":"offer","offer":1,"name":")" + name + "\"}";
}
std::string leave_of(const std::string& name) {
  return R"({"type":"leave","name":")" + name + "\"}";
}

/// Says `leave` to these names, and counts what becomes of it.
struct Testament final : dialects::LastWords {
  Testament(std::vector<std::string> to, int& taken, int& gone)
      : names(std::move(to)), times_taken(taken), times_gone(gone) {}
  ~Testament() override { ++times_gone; }
  Testament(const Testament&) = delete;
  Testament& operator=(const Testament&) = delete;
  std::vector<dialects::Say> take() override {
    ++times_taken;
    std::vector<dialects::Say> all;
    for (const auto& name : names)
      all.push_back({.type = "bye", .to = {{dialects::Address::Kind::name, name}}, .store = false});
    return all;
  }

  std::vector<std::string> names;
  int& times_taken;
  int& times_gone;
};

session::Inputs with_will(dialects::Will will) {
  session::Inputs inputs;
  inputs.messages.emplace_back().content = dialects::Command(std::move(will));
  return inputs;
}

struct Three {
  explicit Three(unsigned shards)
      : world(shards), ann(world, "ann", 0), bob(world, "bob", 1), eve(world, "eve", 2) {}
  World world;
  Named ann, bob, eve;
};

}  // namespace

TEST_CASE_TEMPLATE("last words are said once, when the session ends, with its name", Shards,
                   OneShard, ThreeShards) {
  Three t(Shards::value);
  t.ann.offer("bob");
  CHECK(t.bob.news() == offer_of("ann"));
  t.world.advance(1min);
  CHECK_MESSAGE(t.bob.news().empty(), "not before");
  t.ann.client.cut();
  CHECK(t.bob.news() == leave_of("ann"));
  t.world.advance(1min);
  t.ann.client.cut();
  CHECK(t.bob.news().empty());
  CHECK(t.eve.news().empty());
}

TEST_CASE_TEMPLATE("later last words take the place of earlier ones", Shards, OneShard,
                   ThreeShards) {
  Three t(Shards::value);
  t.ann.offer("bob");
  t.ann.offer("eve");
  t.bob.news();
  t.eve.news();
  t.ann.client.cut();
  CHECK(t.bob.news().empty());
  CHECK(t.eve.news() == leave_of("ann"));
}

TEST_CASE_TEMPLATE("last words that depend on what is so at the end", Shards, OneShard,
                   ThreeShards) {
  Three t(Shards::value);
  int taken = 0;
  int gone = 0;
  const auto will = [&](std::vector<std::string> to) {
    return with_will({.words = std::make_shared<Testament>(std::move(to), taken, gone)});
  };
  CHECK_FALSE(t.ann.client.process(will({"bob"})));
  CHECK_FALSE(t.ann.client.process(will({"bob", "eve", "nobody"})));
  CHECK_MESSAGE(gone == 1, "a later one takes the place of an earlier one");
  CHECK(taken == 0);
  t.ann.client.cut();
  CHECK(t.bob.news() == leave_of("ann"));
  CHECK(t.eve.news() == leave_of("ann"));
  CHECK(taken == 1);
  CHECK(gone == 2);
}

TEST_CASE("who has none says nothing") {
  Three t(1);
  t.ann.client.say(R"({"type":"candidate","candidate":1,"name":"bob"})");
  t.bob.news();
  t.ann.client.cut();
  CHECK(t.bob.news().empty());
}

TEST_CASE_TEMPLATE("who has said its last words itself says them no more", Shards, OneShard,
                   ThreeShards) {
  Three t(Shards::value);
  t.ann.offer("bob");
  t.bob.news();
  SUBCASE("to that name") {
    t.ann.leave("bob");
    CHECK(t.bob.news() == leave_of("ann"));
    t.ann.client.cut();
    CHECK(t.bob.news().empty());
  }
  SUBCASE("but to another name is something else") {
    t.ann.leave("eve");
    CHECK(t.eve.news() == leave_of("ann"));
    t.ann.client.cut();
    CHECK(t.bob.news() == leave_of("ann"));
    CHECK(t.eve.news().empty());
  }
  SUBCASE("until it calls again") {
    t.ann.leave("bob");
    t.ann.offer("bob");
    t.bob.news();
    t.ann.client.cut();
    CHECK(t.bob.news() == leave_of("ann"));
  }
}

TEST_CASE_TEMPLATE("last words to whoever has gone first are void", Shards, OneShard, ThreeShards) {
  Three t(Shards::value);
  t.ann.offer("bob");
  SUBCASE("it said so") {
    t.bob.leave("ann");
    CHECK(t.ann.news() == leave_of("bob"));
  }
  SUBCASE("its own last words said so") {
    t.bob.client.say(R"({"type":"answer","answer":1,"name":"ann"})");
    t.bob.client.cut();
    CHECK(t.ann.news().ends_with(leave_of("bob")));
    Named again(t.world, "bob", 1, "-again");
    t.ann.client.cut();
    CHECK_MESSAGE(again.news().empty(), "they would come into its next call");
    return;
  }
  SUBCASE("a native client's bye says so as well") {
    t.bob.client.cut();
    Client native(t.world, "native");
    native.stream(R"({"open":{"name":"bob"},"carrier":"c","turn":1})");
    native.upload(R"({"ack":1})");
    native.say(R"({"type":"bye","to":"@ann"})");
    CHECK(t.ann.news() == leave_of("bob"));
    const auto before = native.session()->outbox().last();
    t.ann.client.cut();
    CHECK(native.session()->outbox().last() == before);
    return;
  }
  t.bob.news();
  t.ann.client.cut();
  CHECK(t.bob.news().empty());
}

TEST_CASE_TEMPLATE("somebody else's bye voids nothing", Shards, OneShard, ThreeShards) {
  Three t(Shards::value);
  t.ann.offer("bob");
  t.bob.news();
  t.eve.leave("ann");
  CHECK(t.ann.news() == leave_of("eve"));
  t.eve.offer("ann");
  CHECK(t.ann.news() == offer_of("eve"));
  SUBCASE("of another name") {}
  SUBCASE("of no name") {
    PlainClient nobody(t.world, dialects::login::protocol(), "nobody");
    nobody.attach();
    nobody.say(R"({"type":"leave","name":"ann"})");
    CHECK(t.ann.news() == R"({"type":"leave"})");
  }
  t.ann.client.cut();
  CHECK(t.bob.news() == leave_of("ann"));
}

TEST_CASE("last words are not kept for a name that nobody holds") {
  World world;
  Named ann(world, "ann", 0);
  ann.offer("bob");
  CHECK(world.node(0).names().stored() == 1);
  ann.client.cut();
  CHECK(world.node(0).names().stored() == 1);
  PlainClient bob(world, dialects::login::protocol(), "bob");
  const auto bobs = bob.attach();
  bob.say(R"({"type":"login","name":"bob"})");
  const std::vector<std::string> offer_alone{R"({"type":"login","success":true})", offer_of("ann")};
  CHECK(bobs->frames == offer_alone);
}

TEST_CASE_TEMPLATE("last words reach a client of another dialect in its own words", Shards,
                   OneShard, ThreeShards) {
  World world(Shards::value);
  Client native(world, "native", 2);
  const auto log = native.stream(R"({"open":{"name":"bob"},"carrier":"c","turn":1})");
  native.upload(R"({"ack":1})");
  Named ann(world, "ann", 0);
  ann.offer("bob");
  ann.client.cut();
  CHECK(log->types() == "login offer bye");
  CHECK(log->events.back()["name"] == "ann");
  CHECK_FALSE(log->events.back().contains("data"));
}

TEST_CASE("last words come whatever ends the session") {
  Three t(1);
  t.ann.offer("bob");
  t.bob.news();
  SUBCASE("it asks for it") {
    session::Inputs inputs;
    inputs.messages.push_back({std::nullopt, dialects::Command(dialects::Leave{})});
    t.ann.client.process(std::move(inputs));
  }
  SUBCASE("the server has no memory") {
    t.ann.client.session()->give_up();
    t.world.run();
  }
  SUBCASE("its time is over") {
    t.ann.client.session()->behave_as(dialects::plain::kVisitor);
    t.ann.client.session()->carriers_changed();
    t.ann.client.cut();
    t.world.advance(29s);
    CHECK(t.bob.news().empty());
    t.world.advance(2s);
  }
  CHECK(t.ann.client.session() == nullptr);
  CHECK(t.bob.news() == leave_of("ann"));
}

TEST_CASE_TEMPLATE("last words are said, and once, if memory is short at first", Shards, OneShard,
                   ThreeShards) {
  bool has_failed = true;
  for (int number = 1; has_failed; ++number) {
    CAPTURE(number);
    int taken = 0;
    int gone = 0;
    Three t(Shards::value);
    const std::vector<std::string> names{"bob", "eve"};
    CHECK_FALSE(t.ann.client.process(
        with_will({.words = std::make_shared<Testament>(names, taken, gone)})));
    auto& fails_at = t.world.runner(0).fails_at;
    fails_at = number;
    t.ann.client.session()->end(session::End::left);
    has_failed = fails_at == 0;
    fails_at = 0;
    t.world.run();
    CHECK(t.bob.news() == leave_of("ann"));
    CHECK(t.eve.news() == leave_of("ann"));
    CHECK(taken == 1);
    CHECK(gone == 1);
  }
}

TEST_CASE("last words that come with a numbered message take no number of their own") {
  Three t(1);
  const auto upload = [&](const std::string& text, std::uint64_t n) {
    session::Inputs inputs;
    dialects::login::protocol().decode({}, {dialects::Payload::Kind::text, text}, inputs.messages);
    inputs.messages.back().n = n;
    inputs.repeatable = true;
    return code_of(t.ann.client.process(std::move(inputs)));
  };
  const auto n = t.ann.client.session()->up();
  CHECK(upload(R"({"type":"offer","offer":1,"name":"bob"})", n + 1).empty());
  CHECK(t.ann.client.session()->up() == n + 1);
  CHECK(t.bob.news() == offer_of("ann"));
  CHECK(upload(R"({"type":"leave","name":"bob"})", n + 2).empty());
  CHECK(t.bob.news() == leave_of("ann"));
  SUBCASE("a repeated upload does nothing") {
    CHECK(upload(R"({"type":"offer","offer":1,"name":"bob"})", n + 1).empty());
    CHECK(t.bob.news().empty());
    CHECK(t.ann.client.session()->up() == n + 2);
    t.ann.client.cut();
    CHECK(t.bob.news().empty());
  }
  SUBCASE("the next one is next") {
    CHECK(upload(R"({"type":"answer","answer":2,"name":"bob"})", n + 3).empty());
    CHECK(t.bob.news() == R"({"type":"answer","answer":2,"name":"ann"})");
    t.ann.client.cut();
    CHECK(t.bob.news() == leave_of("ann"));
  }
}
