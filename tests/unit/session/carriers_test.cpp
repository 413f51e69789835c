#include <doctest/doctest.h>

#include "support/client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

/// A session that is alone in the room `r`; what it says comes back as an error event, so it can
/// make as many events as it likes.
struct Fixture {
  explicit Fixture(const session::Settings& settings = {})
      : world(World::Options{.settings = settings}), alice(world, "alice") {}
  std::shared_ptr<StreamLog> attach(const std::string& carrier, const std::string& more = "") {
    const auto* how = opened_ ? R"({"resume":{},)" : R"({"open":{"room":"r"},)";
    opened_ = true;
    last_reply = std::make_shared<ReplyLog>();
    return alice.stream(how + (R"("carrier":")" + carrier + '"') + more + "}", last_reply);
  }
  std::string activate(const std::string& carrier, int turn, int ack = 1) {
    return alice.upload(Json{{"carrier", carrier}, {"turn", turn}, {"ack", ack}}.dump())->refusal();
  }
  void event() { alice.say(R"({"type":"chat"})"); }

  World world;
  Client alice;
  std::shared_ptr<ReplyLog> last_reply;

 private:
  bool opened_ = false;
};

}  // namespace

TEST_CASE("until the first activation every carrier gets every event") {
  Fixture f;
  const auto a = f.attach("a");
  const auto b = f.attach("b");
  f.event();
  const auto c = f.attach("c");
  for (const auto& log : {a, b, c}) {
    CHECK(log->types() == "created error");
    CHECK(log->numbers == std::vector<std::uint64_t>{1, 2});
    CHECK_FALSE(log->welcome->active);
  }
  f.attach("d");
  CHECK_MESSAGE(f.last_reply->refusal() == "too_many_carriers", "three at the most");
  f.alice.cut(2);
  CHECK_MESSAGE(f.attach("d")->types() == "created error", "but one that was cut makes place");
}

TEST_CASE("an activation makes its carrier the only one that gets events") {
  Fixture f;
  const auto a = f.attach("a");
  const auto b = f.attach("b");
  CHECK(f.activate("b", 1).empty());
  CHECK(b->control() == "activated 1 next 2");
  CHECK(a->controls.empty());
  f.event();
  CHECK(a->types() == "created");
  CHECK(b->types() == "created error");

  SUBCASE("a repeated one is harmless") {
    CHECK(f.activate("b", 1).empty());
    CHECK(b->control() == "activated 1 next 3");
    CHECK_FALSE(b->ended);
  }
  SUBCASE("a lower or equal turn does nothing") {
    CHECK(f.activate("a", 1).empty());
    CHECK(a->control() == "standby 1 next 2");
    CHECK_FALSE(b->ended);
    f.event();
    CHECK(a->types() == "created");
  }
  SUBCASE("a higher turn moves, from what is acknowledged") {
    CHECK(f.activate("a", 2, 1).empty());
    CHECK(a->control() == "activated 2 next 2");
    CHECK(b->control() == "end moved");
    CHECK(a->types() == "created error");
    CHECK(a->last() == 2);
    f.attach("b");
    CHECK_MESSAGE(f.last_reply->ended == session::End::moved, "and is not attached again");
    CHECK(f.activate("b", 3).empty());
    f.event();
    CHECK_MESSAGE(a->types() == "created error error", "nor activated");
  }
  SUBCASE("the others stand by for 10 seconds") {
    f.world.advance(9900ms);
    CHECK_FALSE(a->ended);
    f.world.advance(200ms);
    CHECK(a->control() == "end standby_timeout");
    CHECK_FALSE(b->ended);
    f.attach("a");
    CHECK(f.last_reply->ended == session::End::standby_timeout);
  }
  SUBCASE("later ones too, without events") {
    f.world.advance(20s);
    const auto late = f.attach("late");
    f.event();
    CHECK(late->types().empty());
    CHECK(late->welcome->turn == 1);
    CHECK(late->welcome->next == 2);
    f.world.advance(9s);
    CHECK_FALSE(late->ended);
    CHECK(f.activate("late", 2, 3).empty());
    CHECK(late->control() == "activated 2 next 4");
    f.world.advance(20s);
    CHECK_FALSE(late->ended);
    CHECK(b->control() == "end moved");
  }
  SUBCASE("one that nobody has attached cannot be activated") {
    CHECK(f.activate("z", 9) == "carrier_mismatch");
    CHECK_FALSE(b->ended);
  }
}

TEST_CASE("a carrier may be attached with its activation") {
  Fixture f;
  const auto a = f.attach("a", R"(,"turn":1)");
  CHECK(a->welcome->active);
  const auto b = f.attach("b", R"(,"turn":2,"ack":1)");
  CHECK(b->welcome->active);
  CHECK(b->welcome->next == 2);
  CHECK(a->control() == "end moved");
  const auto c = f.attach("c", R"(,"turn":2)");
  CHECK_FALSE(c->welcome->active);
  CHECK_FALSE(b->ended);
}

TEST_CASE("a carrier that was cut goes on under its name, from the client's cursor") {
  Fixture f;
  const auto a = f.attach("a", R"(,"turn":1)");
  f.event();
  f.alice.cut();
  f.event();
  f.event();
  CHECK(a->last() == 2);
  const auto again = f.attach("a", R"(,"ack":1)");
  CHECK(again->welcome->active);
  CHECK(again->welcome->next == 2);
  CHECK(again->numbers == std::vector<std::uint64_t>{2, 3, 4});
  const auto copy = f.attach("a");
  CHECK_MESSAGE(copy->numbers == again->numbers, "two copies of one carrier both run");
  f.event();
  CHECK(copy->last() == 5);
  CHECK(again->last() == 5);
}

TEST_CASE("an acknowledgement is a maximum") {
  Fixture f;
  const auto a = f.attach("a", R"(,"turn":1)");
  for (int i = 0; i < 5; ++i) f.event();
  f.alice.upload(R"({"ack":4})");
  f.alice.upload(R"({"ack":2})");
  CHECK(f.alice.session()->outbox().acknowledged() == 4);
  CHECK(f.alice.upload(R"({"ack":7})")->refusal() == "bad_cursor");
  CHECK(f.alice.session()->outbox().acknowledged() == 4);
  const auto low = f.attach("a", R"(,"ack":1)");
  const std::vector<std::uint64_t> from_the_mark{5, 6};
  CHECK(low->numbers == from_the_mark);
}

TEST_CASE("a stream that was overtaken before its first event says so") {
  // On a WebSocket events are only counted: what is left out must be told.
  Fixture f;
  const auto a = f.attach("a");
  f.event();
  f.event();
  f.alice.paused = true;
  const auto b = f.attach("b");
  f.alice.upload(R"({"ack":2})");
  f.event();
  f.world.run();
  CHECK(b->welcome->next == 1);
  CHECK(b->controls == std::vector<std::string>{"heartbeat next 3"});
  CHECK(b->numbers == std::vector<std::uint64_t>{3, 4});
}

TEST_CASE("a stream is proved causally: each hello only after the one before was confirmed") {
  Fixture f;
  const auto a = f.attach("a");
  CHECK(a->controls.empty());
  f.alice.upload(R"({"carrier":"a","hello":1})");
  CHECK(a->controls == std::vector<std::string>{"hello 2"});
  f.alice.upload(R"({"carrier":"a","hello":1})");
  CHECK_MESSAGE(a->controls.size() == 1, "a repeated confirmation is harmless");
  f.alice.upload(R"({"carrier":"a","hello":2})");
  f.alice.upload(R"({"carrier":"a","hello":1})");
  CHECK(a->controls == std::vector<std::string>{"hello 2", "hello 3"});
}

TEST_CASE("heartbeats state the next number; silence ends the carrier, which may return") {
  Fixture f;
  f.alice.options = {.heartbeat = 10s, .patience = 3};
  const auto a = f.attach("a", R"(,"turn":1)");
  f.alice.upload(R"({"ack":1})");
  f.world.advance(10s);
  CHECK(a->control() == "heartbeat next 2");
  f.event();
  f.world.advance(10s);
  CHECK(a->control() == "heartbeat next 3");
  SUBCASE("anything heard counts") {
    for (int i = 0; i < 10; ++i) {
      f.world.advance(10s);
      f.alice.upload("{}");
    }
    CHECK_FALSE(a->ended);
  }
  SUBCASE("three unanswered ones do not") {
    f.world.advance(29s);
    CHECK_FALSE(a->ended);
    f.world.advance(2s);
    CHECK(a->control() == "end silent");
    const auto again = f.attach("a", R"(,"ack":2)");
    CHECK_FALSE(f.last_reply->ended);
    CHECK(again->welcome->active);
    f.event();
    CHECK(again->last() == 3);
  }
}

TEST_CASE("a stream ends itself after its age or its bytes, to be resumed") {
  Fixture f;
  SUBCASE("age") {
    f.alice.options.max_age = 10min;
    const auto a = f.attach("a", R"(,"turn":1)");
    f.alice.upload(R"({"ack":0})");
    f.world.advance(10min - 1s);
    CHECK_FALSE(a->ended);
    f.world.advance(2s);
    CHECK(a->control() == "end stream_limit");
  }
  SUBCASE("bytes") {
    f.alice.options.max_bytes = 300;
    const auto a = f.attach("a", R"(,"turn":1)");
    f.event();
    f.event();
    CHECK(a->control() == "end stream_limit");
  }
  const auto again = f.attach("a", R"(,"ack":1)");
  CHECK(again->welcome->active);
  CHECK(again->welcome->next == 2);
}

TEST_CASE("five copies of a stream: the oldest ends") {
  Fixture f;
  const auto first = f.attach("a");
  const auto second = f.attach("a");
  for (int i = 0; i < 3; ++i) f.attach("a");
  CHECK(first->control() == "end stream_limit");
  CHECK_FALSE(second->ended);
}
