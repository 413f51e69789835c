#include "channel/channel.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "dialects/scope.h"

namespace sigway::dialects::channel::channel_test {
namespace {

// What a client asks for, in short.
std::string asked(std::string text, Payload::Kind kind = Payload::Kind::text) {
  std::vector<Message> out;
  protocol().decode({}, {kind, std::move(text)}, out);
  REQUIRE(out.size() == 1);
  if (const auto* error = std::get_if<Error>(&out[0].content))
    return std::string(info(error->code).name);
  const auto& command = std::get<Command>(out[0].content);
  const auto name = [](const std::string& room) {
    return std::string(unscoped("channel", room).value());
  };
  if (const auto* join = std::get_if<Join>(&command)) return "join " + name(join->room);
  if (const auto* look = std::get_if<Look>(&command)) return "look " + name(look->room);
  const auto& say = std::get<Say>(command);
  return "say " + name(*say.room) + " " + say.data.bytes;
}

std::string heard(const Event& event) {
  const auto encoded = protocol().dialect().encode(event);
  return encoded == nullptr ? "" : encoded->bytes;
}

}  // namespace

TEST_CASE("what a client says") {
  CHECK(asked(R"({"open":true,"channel":"c"})") == "join c");
  CHECK(asked(R"({"checkPresence":true,"channel":"c"})") == "look c");
  CHECK(asked(R"({"data":{"sdp":"v"},"channel":"c"})") == R"(say c {"sdp":"v"})");
  CHECK(asked("{\"data\":[1,\n2],\"channel\":7}") == "say 7 [1, 2]");
  CHECK(asked(R"({"open":false,"data":null,"channel":"c"})") == "say c null");
}

TEST_CASE("what is no message") {
  CHECK(asked("hello") == "bad_json");
  CHECK(asked(R"({"open":true,"channel":"c")") == "bad_json");
  CHECK(asked(R"({"open":true,"channel":"c"} x)") == "bad_json");
  CHECK(asked("[]") == "bad_json");
  CHECK(asked("{}", Payload::Kind::binary) == "bad_json");
  for (const char* channel : {"{}", "null", R"("")", R"("a\nb")", R"("\ud800")"})
    CHECK(asked(std::string(R"({"open":true,"channel":)") + channel + "}") == "bad_room");
  CHECK(asked(R"({"open":true})") == "bad_room");
  CHECK(asked(R"({"channel":"c"})") == "bad_request");
}

TEST_CASE("what a client hears") {
  CHECK(heard(event::Said{"message", "r", "p", "", {Payload::Kind::json, "[1]"}}) == "[1]");
  CHECK(heard(event::Seen{"r", 3, 1}) == R"({"isChannelPresent":true})");
  CHECK(heard(event::Seen{"r", 0, 1}) == R"({"isChannelPresent":false})");
  CHECK(heard(event::Created{"r", "p", 1, 64, 1}).empty());
  CHECK(heard(event::Refused{{.code = ErrorCode::nobody_there}, 1}).empty());
  CHECK(heard(event::Refused{{.code = ErrorCode::already_joined}, 1}).empty());
  CHECK(heard(event::Refused{{.code = ErrorCode::not_in_room}, 1})
            .starts_with(R"({"error":{"code":"not_in_room")"));
}

TEST_CASE("a message in a poll's answer is a JSON value") {
  std::string out = "[";
  protocol().append_json(out, Frame{"1"});
  CHECK(out == "[1");
}

}  // namespace sigway::dialects::channel::channel_test
