#include "apprtc/collider.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::dialects::apprtc;  // NOLINT(google-build-using-namespace)
using Wanted = ClientMessage::Command;
using std::string_literals::operator""s;

namespace {

ClientMessage decoded(std::string_view frame) {
  CAPTURE(std::string(frame));
  auto result = decode_message(frame);
  REQUIRE(std::holds_alternative<ClientMessage>(result));
  return std::get<ClientMessage>(std::move(result));
}

std::string why_not(std::string_view frame) {
  CAPTURE(std::string(frame));
  auto result = decode_message(frame);
  REQUIRE(std::holds_alternative<std::string>(result));
  return std::get<std::string>(std::move(result));
}

}  // namespace

TEST_CASE("collider: a registration") {
  const auto message = decoded(R"({"cmd":"register","roomid":"r","clientid":"c","more":[1,{}]})");
  CHECK(message.command == Wanted::enroll);
  CHECK(message.room == "r");
  CHECK(message.client == "c");
  CHECK(message.text.empty());
}

TEST_CASE("collider: a message") {
  CHECK(decoded(R"({"cmd":"send","msg":"a\u00e9\n"})").text == "a\xC3\xA9\n");
  CHECK(decoded(R"( { "msg" : "x" , "cmd" : "send" } )").command == Wanted::send);
  CHECK_MESSAGE(decoded(R"({"cmd":"send","msg":"x","msg":"y"})").text == "y", "the last counts");
  CHECK_MESSAGE(decoded(R"({"c\u006dd":"send"})").command == Wanted::send, "an escaped name");
}

TEST_CASE("collider: a field that is null, or not there, is empty") {
  for (const auto* frame : {"{}", R"({"cmd":null,"roomid":null,"clientid":null,"msg":null})"}) {
    const auto message = decoded(frame);
    CHECK(message.command == Wanted::other);
    CHECK((message.room + message.client + message.text).empty());
  }
  for (const auto* frame : {R"({"cmd":"REGISTER"})", R"({"cmd":""})", R"({"cmd":"send "})"})
    CHECK(decoded(frame).command == Wanted::other);
}

TEST_CASE("collider: what is no such object") {
  const auto head = "websocket.JSON.Receive error: "s;
  for (const auto* frame : {"", "{", "{}x", "{]", "\xff", R"({"cmd":)", "nul"})
    CHECK(why_not(frame).starts_with(head + "not JSON at byte "));
  for (const auto* frame : {"[]", "null", "1", R"("send")", R"([{"cmd":"send"}])"})
    CHECK(why_not(frame) == head + "not a JSON object");
  CHECK(why_not(R"({"cmd":1})") == head + "'cmd' is not a text");
  CHECK(why_not(R"({"roomid":{}})") == head + "'roomid' is not a text");
  CHECK(why_not(R"({"clientid":[]})") == head + "'clientid' is not a text");
  CHECK(why_not(R"({"msg":[]})") == head + "'msg' is not a text");
  CHECK_MESSAGE(why_not(R"({"cmd":1} x)").starts_with(head + "not JSON"), "that comes first");
}

TEST_CASE("collider: messages to a client") {
  CHECK(server_message("a") == "{\"msg\":\"a\",\"error\":\"\"}\n");
  CHECK(server_message("") == "{\"msg\":\"\",\"error\":\"\"}\n");
  CHECK(server_message("<a href='&'>\"\n") ==
        R"({"msg":"\u003ca href='\u0026'\u003e\"\n","error":""})"
        "\n");
  CHECK(server_error(kNoPlace) == "{\"msg\":\"\",\"error\":\"Max room capacity reached\"}\n");
  CHECK(quoted_text_of(server_message("<\">")) == R"("\u003c\"\u003e")");
}

TEST_CASE("collider: the counters") {
  CHECK(to_json(Status{.seconds_up = 1,
                       .open_sockets = 2,
                       .total_sockets = 3,
                       .socket_errors = 4,
                       .http_errors = 5}) ==
        "{\"upsec\":1,\"openws\":2,\"totalws\":3,\"wserrors\":4,\"httperrors\":5}\n");
}
