#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "dialects/json_writer.h"
#include "native/native.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)

namespace {

std::string encode(const Event& event) { return native::dialect().encode(event)->bytes; }

}  // namespace

TEST_CASE("every event, field by field") {
  CHECK(encode(event::Created{"r", "p", 1, 2, 0}) ==
        R"({"type":"created","room":"r","peer":"p","join":1,"capacity":2})");
  CHECK(encode(event::Created{"r", "p", 1, 2, 3}) ==
        R"({"type":"created","room":"r","peer":"p","join":1,"capacity":2,"re":3})");
  CHECK(encode(event::Joined{
            "r", "p", 2, 3, {{"q", "", 1, true, false}, {"s", "sue", 5, false, true}}, 4}) ==
        R"({"type":"joined","room":"r","peer":"p","join":2,"capacity":3,"re":4,"members":[)"
        R"({"peer":"q","join":1,"polite":true,"suspended":false},)"
        R"({"peer":"s","name":"sue","join":5,"polite":false,"suspended":true}]})");
  CHECK(encode(event::Joined{"r", "p", 2, 2, {}, 0}) ==
        R"({"type":"joined","room":"r","peer":"p","join":2,"capacity":2,"members":[]})");
  CHECK(encode(event::Ready{"r"}) == R"({"type":"ready","room":"r"})");
  CHECK(encode(event::Full{"r", 2, 1}) == R"({"type":"full","room":"r","capacity":2,"re":1})");
  CHECK(encode(event::Left{"r", 1}) == R"({"type":"left","room":"r","re":1})");
  CHECK(encode(event::PlaceLost{"r"}) == R"({"type":"place-lost","room":"r"})");
  CHECK(encode(event::PeerJoined{"r", "p", "bob", 2, false}) ==
        R"({"type":"peer-joined","room":"r","peer":"p","name":"bob","join":2,"polite":false})");
  CHECK(encode(event::PeerJoined{"r", "p", "", 2, true}) ==
        R"({"type":"peer-joined","room":"r","peer":"p","join":2,"polite":true})");
  CHECK(encode(event::PeerNamed{"r", "p", "bob"}) ==
        R"({"type":"peer-named","room":"r","peer":"p","name":"bob"})");
  CHECK(encode(event::PeerNamed{"r", "p", ""}) == R"({"type":"peer-named","room":"r","peer":"p"})");
  CHECK(encode(event::PeerSuspended{"r", "p"}) ==
        R"({"type":"peer-suspended","room":"r","peer":"p"})");
  CHECK(encode(event::PeerResumed{"r", "p"}) == R"({"type":"peer-resumed","room":"r","peer":"p"})");
  CHECK(encode(event::PeerLeft{"r", "p", "timeout"}) ==
        R"({"type":"peer-left","room":"r","peer":"p","reason":"timeout"})");
  CHECK(encode(event::LoggedIn{"bob", 1}) == R"({"type":"login","name":"bob","re":1})");
  CHECK(encode(event::LoggedOut{"bob", 2}) == R"({"type":"logout","name":"bob","re":2})");
  CHECK(encode(event::NameLost{"bob"}) == R"({"type":"name-lost","name":"bob"})");
  CHECK(encode(event::Stored{"@bob", 60, 2}) ==
        R"({"type":"stored","to":"@bob","lifetime":60,"re":2})");
  CHECK(encode(event::Said{"offer", "r", "p", "bob", {Payload::Kind::json, R"({"a":1})"}}) ==
        R"({"type":"offer","room":"r","from":"p","name":"bob","data":{"a":1}})");
  CHECK(encode(event::Said{"bye", "", "p", "", {}}) == R"({"type":"bye","from":"p"})");
}

TEST_CASE("a refusal has the table's texts unless it brings its own") {
  Error error{ErrorCode::too_large};
  error.limit = 65536;
  const auto plain = nlohmann::json::parse(encode(event::Refused{error, 9}));
  CHECK(plain["type"] == "error");
  CHECK(plain["code"] == "too_large");
  CHECK(plain["message"] == info(ErrorCode::too_large).message);
  CHECK(plain["hint"] == info(ErrorCode::too_large).hint);
  CHECK(plain["re"] == 9);
  CHECK(plain["limit"] == 65536);
  CHECK_FALSE(plain.contains("to"));

  Error own{ErrorCode::no_such_peer, "Nobody.", "Look again.", std::nullopt, std::nullopt, "p9"};
  CHECK(
      encode(event::Refused{own, 2}) ==
      R"({"type":"error","code":"no_such_peer","message":"Nobody.","hint":"Look again.","re":2,"to":"p9"})");
}

TEST_CASE("errors as an HTTP body and as a control") {
  Error error{ErrorCode::number_gap, "Too far.", "Go back.", 7, std::nullopt, ""};
  CHECK(to_json(error) ==
        R"({"error":{"code":"number_gap","message":"Too far.","hint":"Go back.","expected":7}})");
  CHECK(
      native::error_control(error) ==
      R"({"control":"error","code":"number_gap","message":"Too far.","hint":"Go back.","expected":7})");
}

TEST_CASE("the table of errors gives every code a name, a status, a sentence and a hint") {
  for (int i = 0; i <= static_cast<int>(ErrorCode::busy); ++i) {
    const ErrorInfo& row = info(static_cast<ErrorCode>(i));
    CAPTURE(row.name);
    CHECK(static_cast<int>(row.code) == i);
    CHECK_FALSE(row.name.empty());
    CHECK(row.message.back() == '.');
    CHECK(row.hint.back() == '.');
    CHECK(row.status >= 400);
    CHECK(row.status <= 503);
  }
}

TEST_CASE("controls") {
  CHECK(native::hello_control(1) == R"({"control":"hello","hello":1})");
  CHECK(native::activated_control(2, 5) == R"({"control":"activated","turn":2,"next":5})");
  CHECK(native::standby_control(3, 6) == R"({"control":"standby","turn":3,"next":6})");
  CHECK(native::heartbeat_control(7) == R"({"control":"heartbeat","next":7})");
  CHECK(native::up_control(0) == R"({"control":"up","up":0})");
  CHECK(native::pong_control(18446744073709551615U) ==
        R"({"control":"pong","ping":18446744073709551615})");
  CHECK(native::probe_control() == R"({"control":"probe"})");
  CHECK(native::end_control("moved", "Elsewhere.", std::nullopt) ==
        R"({"control":"end","code":"moved","message":"Elsewhere."})");
  CHECK(native::end_control("draining", "", 250) ==
        R"({"control":"end","code":"draining","retry":250})");

  native::Welcome welcome;
  welcome.server = "s";
  welcome.peer = "p";
  welcome.carrier = "c";
  welcome.active = true;
  welcome.turn = 1;
  welcome.up = 2;
  welcome.heartbeat_ms = 25000;
  welcome.hold_ms = 25000;
  welcome.resume_ms = 120000;
  welcome.max_body = 262144;
  const std::string tail =
      R"("ice":[],"heartbeat":25000,"hold":25000,"resume":120000,"limits":{"data":65536,"body":262144,"messages":256},"features":["drain","mail"]})";
  CHECK(native::welcome_object(welcome) ==
        R"({"server":"s","peer":"p","carrier":"c","active":true,"turn":1,"up":2,)" + tail);
  welcome.key = "K";
  welcome.next = 9;
  CHECK(
      native::welcome_control(welcome) ==
      R"({"control":"welcome","server":"s","peer":"p","carrier":"c","key":"K","active":true,"turn":1,"up":2,"next":9,)" +
          tail);
}

TEST_CASE("strings are escaped, and stay UTF-8 on one line") {
  const auto quote = [](std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
  };
  CHECK(quote("") == "\"\"");
  CHECK(quote("a\"b\\c/") == R"("a\"b\\c/")");
  CHECK(quote(std::string_view("\0\b\t\n\f\r\x1f\x7f", 8)) ==
        "\"\\u0000\\b\\t\\n\\f\\r\\u001f\x7f\"");
  CHECK(quote("ä€😀\u2028") == "\"ä€😀\u2028\"");
  CHECK(quote("a\xFF"
              "b\xC3") ==
        "\"a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD\"");
  CHECK(quote("\xED\xA0\x80") == "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}
