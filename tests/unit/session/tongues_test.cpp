// Sessions of several dialects beside each other: what each is told, whose a key is, what is
// counted.
#include <doctest/doctest.h>

#include "login/login.h"
#include "raw/raw.h"
#include "support/client.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using OneShard = std::integral_constant<unsigned, 1>;
using ThreeShards = std::integral_constant<unsigned, 3>;
using Frames = std::vector<std::string>;

TEST_CASE_TEMPLATE("an event that a dialect has no word for reaches nobody and takes no number",
                   Shards, OneShard, ThreeShards) {
  World world(Shards::value);
  PlainClient raw(world, dialects::raw::protocol(), "raw", dialects::plain::kVisitor, 1);
  const auto log = raw.attach();
  CHECK_MESSAGE(raw.session()->outbox().last() == 0, "`created`");
  Client native(world, "native", 2);
  const auto natives = native.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
  native.upload(R"({"ack":1})");
  CHECK(natives->types() == "joined");
  PlainClient other(world, dialects::raw::protocol(), "other");
  const auto others = other.attach();
  CHECK(natives->types() == "joined peer-joined");
  CHECK_MESSAGE(raw.session()->outbox().last() == 0, "`peer-joined` twice");
  CHECK(log->frames.empty());

  native.say(R"({"type":"message","data":"hello"})");
  CHECK(log->numbers == std::vector<std::uint64_t>{1});
  CHECK(log->frames == Frames{"hello"});
  CHECK(others->frames == Frames{"hello"});
  raw.say("moin");
  CHECK(log->frames == Frames{"hello", "moin"});
  CHECK(natives->events.back()["type"] == "message");
  CHECK(natives->events.back()["data"] == "moin");
  CHECK(natives->events.back()["from"] == raw.session()->peer());
  raw.say("\x01\x02", dialects::Payload::Kind::binary);
  CHECK(natives->events.back()["data"] == Json{{"base64", "AQI="}});
  CHECK(others->last_frame() == "\x01\x02");

  const std::vector<std::uint64_t> without_a_gap{1, 2, 3, 4};
  CHECK(natives->numbers == without_a_gap);
  native.upload(R"({"ack":4})");
  raw.cut();
  world.advance(31s);
  CHECK(natives->types().ends_with("peer-suspended peer-left"));
  CHECK_MESSAGE(other.session()->outbox().last() == 3, "of which a raw client hears nothing");
}

TEST_CASE("a refusal that a dialect has no word for takes no number") {
  World world;
  PlainClient raw(world, dialects::raw::protocol(), "raw");
  raw.echo = false;
  const auto log = raw.attach();
  raw.say("nobody hears that");
  CHECK(raw.session()->outbox().last() == 0);
  CHECK(log->frames.empty());
  CHECK(raw.session()->up() == 1);
}

TEST_CASE("several frames of one event have one number") {
  World world;
  PlainClient login(world, dialects::login::protocol(), "login");
  const auto log = login.attach();
  login.say(R"({"type":"login","name":"n"})");
  Client native(world, "native");
  native.stream(R"({"open":{},"carrier":"c","turn":1})");
  native.upload(R"({"ack":0})");
  native.say(R"({"type":"candidate","to":"@n","data":[{"a":1},{"a":2},{"a":3}]})");
  CHECK(log->numbers == std::vector<std::uint64_t>{1, 2});
  CHECK(log->frames == Frames{R"({"type":"login","success":true})",
                              R"({"type":"candidate","candidate":{"a":1}})",
                              R"({"type":"candidate","candidate":{"a":2}})",
                              R"({"type":"candidate","candidate":{"a":3}})"});
  native.say(R"({"type":"candidate","to":"@n","data":[]})");
  CHECK_MESSAGE(log->last() == 2, "of none nothing is told");
}

TEST_CASE("a key is one dialect's") {
  World world;
  PlainClient raw(world, dialects::raw::protocol(), "same");
  raw.attach();
  const auto hash = session::hash_key(raw.key);
  const auto entered = [&](const dialects::Dialect& dialect) {
    const auto located = binding::locate(world.context, dialect, hash, world.now());
    REQUIRE(located.has_value());
    return binding::enter(world.hub(0), std::get<binding::Located>(*located));
  };
  CHECK(std::get<session::Session*>(entered(dialects::raw::protocol().dialect())) == raw.session());
  const auto other = entered(dialects::login::protocol().dialect());
  REQUIRE(std::holds_alternative<dialects::Error>(other));
  CHECK(std::get<dialects::Error>(other).code == dialects::ErrorCode::unknown_key);

  PlainClient login(world, dialects::login::protocol(), "same");
  CHECK(code_of(login.attach()->error) == "open_mismatch");
  Client native(world, "same");
  const auto opens = std::make_shared<ReplyLog>();
  native.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})", opens);
  CHECK(opens->refusal() == "open_mismatch");
  const auto quotes = std::make_shared<ReplyLog>();
  native.stream(R"({"resume":{},"carrier":"c"})", quotes);
  CHECK(quotes->refusal() == "unknown_key");
  CHECK(native.upload(R"({"messages":[{"n":1,"type":"chat"}]})")->refusal() == "unknown_key");
  CHECK(raw.session()->up() == 0);
  CHECK(world.sessions() == 1);
}

TEST_CASE("sessions, messages and events are counted for their dialect") {
  World world;
  auto& tallies = world.shared.tallies;
  tallies[1].dialect = &dialects::raw::protocol().dialect();
  tallies[2].dialect = &dialects::native::dialect();
  PlainClient raw(world, dialects::raw::protocol(), "raw", dialects::plain::kSocket);
  PlainClient other(world, dialects::raw::protocol(), "other", dialects::plain::kSocket);
  PlainClient login(world, dialects::login::protocol(), "login", dialects::plain::kSocket);
  Client native(world, "native");
  raw.attach();
  other.attach();
  login.attach();
  native.stream(R"({"open":{"room":"r"},"carrier":"c","turn":1})");
  native.upload(R"({"ack":1})");
  raw.say("to three");
  raw.say("again");
  login.say(R"({"type":"login","name":"n"})");
  native.say(R"({"type":"message","data":"x"})");
  CHECK(tallies[1].opened == 2);
  CHECK(tallies[1].messages == 2);
  CHECK(tallies[1].events == 6);
  CHECK(tallies[1].ended == 0);
  CHECK(tallies[2].opened == 1);
  CHECK(tallies[2].messages == 1);
  CHECK_MESSAGE(tallies[2].events == 3, "`joined` and two messages");
  CHECK_MESSAGE(tallies[0].opened == 1, "of a dialect without a tally of its own");
  CHECK(tallies[0].messages == 1);
  CHECK(tallies[0].events == 1);
  other.cut();
  login.cut();
  CHECK(tallies[1].ended == 1);
  CHECK(tallies[0].ended == 1);
  CHECK(tallies[2].ended == 0);
}
