#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "raw/raw.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using std::string_literals::operator""s;

namespace {

const plain::Protocol& raw_protocol() { return raw::protocol(); }

Say said(Payload payload, bool echo = true) {
  std::vector<Message> out;
  raw_protocol().decode({.room = "raw", .capacity = 0, .echo = echo}, std::move(payload), out);
  REQUIRE(out.size() == 1);
  CHECK_FALSE(out[0].n.has_value());
  return std::get<Say>(std::get<Command>(out[0].content));
}

plain::Entrance enter(std::string_view room, const plain::Parameters& parameters = {}) {
  const auto result = raw_protocol().entrance(room, parameters);
  REQUIRE(std::holds_alternative<plain::Entrance>(result));
  return std::get<plain::Entrance>(result);
}

ErrorCode refused(std::string_view room, const plain::Parameters& parameters = {}) {
  const auto result = raw_protocol().entrance(room, parameters);
  REQUIRE(std::holds_alternative<Error>(result));
  return std::get<Error>(result).code;
}

}  // namespace

TEST_CASE("raw: where it is, and what it takes") {
  CHECK(raw_protocol().path() == "/raw");
  CHECK(raw_protocol().has_rooms());
  CHECK(raw_protocol().takes_guests());
  CHECK(raw_protocol().max_message() == 65536);
  CHECK(raw_protocol().dialect().name() == "raw");
}

TEST_CASE("raw: a frame is one message to the room, byte for byte") {
  const std::vector<Payload> payloads = {
      {Payload::Kind::text, ""},
      {Payload::Kind::text, "hello"},
      {Payload::Kind::text, "ä€😀\r\n\t\"\\\0end"s},
      {Payload::Kind::text, R"({"type":"login","name":"x"})"},
      {Payload::Kind::text, "[1,\n2"},
      {Payload::Kind::binary, ""},
      {Payload::Kind::binary, "\xff\x00\x80\n"s},
      {Payload::Kind::text, std::string(65536, 'x')},
  };
  for (const auto& payload : payloads) {
    const auto say = said(payload);
    CHECK(say.type == "message");
    CHECK(say.data == payload);
    CHECK_MESSAGE(say.to.empty(), "to everybody");
    CHECK_FALSE(say.room.has_value());
  }
}

TEST_CASE("raw: what was decoded before stays") {
  std::vector<Message> out;
  raw_protocol().decode({}, {Payload::Kind::text, "one"}, out);
  raw_protocol().decode({}, {Payload::Kind::text, "two"}, out);
  REQUIRE(out.size() == 2);
  CHECK(std::get<Say>(std::get<Command>(out[0].content)).data.bytes == "one");
  CHECK(std::get<Say>(std::get<Command>(out[1].content)).data.bytes == "two");
}

TEST_CASE("raw: the sender hears itself, if its address does not say otherwise") {
  CHECK(said({Payload::Kind::text, "a"}, true).echo);
  CHECK_FALSE(said({Payload::Kind::text, "a"}, false).echo);
  CHECK(enter("").echo);
  CHECK(enter("", {{"echo", "1"}}).echo);
  CHECK_FALSE(enter("", {{"echo", "0"}}).echo);
  CHECK_FALSE_MESSAGE(enter("", {{"echo", "1"}, {"echo", "0"}}).echo, "the last one counts");
  for (const auto* value : {"", "2", "00", "no", "false", "0 ", "-0"}) {
    CAPTURE(value);
    CHECK(refused("", {{"echo", value}}) == ErrorCode::bad_request);
  }
}

TEST_CASE("raw: the room is the rest of the path") {
  CHECK(enter("").room == "raw");
  CHECK(enter("raw").room == "raw");
  CHECK(enter("my room").room == "my room");
  CHECK(enter("a/b").room == "a/b");
  CHECK(enter("ä€😀").room == "ä€😀");
  CHECK(enter("__proto__").room == "__proto__");
  CHECK(enter(std::string(128, 'r')).room == std::string(128, 'r'));
  CHECK_MESSAGE(enter("a").capacity == Join::kLargest, "as many as the server allows");
  for (const auto& room :
       {std::string(129, 'r'), "a\nb"s, "a\0b"s, "\x7f"s, "\xff"s, "\xC0\x80"s}) {
    CAPTURE(room);
    CHECK(refused(room) == ErrorCode::bad_room);
  }
}

TEST_CASE("raw: parameters that are not known are ignored") {
  const auto entrance = enter("r", {{"utm", "x"}, {"ECHO", "9"}, {"key", "k"}, {"", ""}});
  CHECK(entrance.room == "r");
  CHECK(entrance.echo);
}
