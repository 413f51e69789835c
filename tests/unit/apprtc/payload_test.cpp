#include "apprtc/payload.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace sigway::dialects;          // NOLINT(google-build-using-namespace)
using namespace sigway::dialects::apprtc;  // NOLINT(google-build-using-namespace)
using Kind = Payload::Kind;
using Texts = std::vector<std::string>;

namespace {

Payload as_json(std::string bytes) { return {Kind::json, std::move(bytes)}; }

void check_said(std::string_view text, const std::string& type, const Payload& data) {
  CAPTURE(std::string(text));
  const auto say = say_of(text);
  CHECK(say.type == type);
  CHECK(say.data == data);
  CHECK(say.keep);
  CHECK(say.to.empty());
  CHECK_FALSE(say.room.has_value());
  CHECK_FALSE(say.echo);
}

Texts read(std::string type, Payload data) {
  return texts_of({std::move(type), "r", "peer", "", std::move(data)});
}

/// What an AppRTC client says, as another one reads it.
Texts passed_on(std::string_view text) {
  auto say = say_of(text);
  return read(std::move(say.type), std::move(say.data));
}

}  // namespace

TEST_CASE("apprtc: what all dialects have a word for") {
  check_said(R"({"type":"offer","sdp":"v=0"})", "offer",
             as_json(R"({"type":"offer","sdp":"v=0"})"));
  check_said(R"({"sdp":"v=0","type":"answer"})", "answer",
             as_json(R"({"sdp":"v=0","type":"answer"})"));
  check_said(R"({"type":"candidate","label":1,"id":"a","candidate":"c\n"})", "candidate",
             as_json(R"({"candidate":"c\n","sdpMid":"a","sdpMLineIndex":1})"));
  check_said(R"({"type":"candidate","candidate":"c"})", "candidate",
             as_json(R"({"candidate":"c","sdpMid":null,"sdpMLineIndex":null})"));
  check_said(R"({"type":"bye"})", "bye", {});
  check_said(R"( { "type" : "bye" } )", "bye", {});
  check_said("{\"type\":\r\n\"offer\",\"sdp\":\"v=0\"}", "offer",
             as_json("{\"type\":  \"offer\",\"sdp\":\"v=0\"}"));
}

TEST_CASE("apprtc: everything else is a message, as it is") {
  for (const auto* text :
       {R"({"type":"offer"})", R"({"type":"offer","sdp":1})", R"({"type":1,"sdp":"v=0"})",
        R"({"type":"candidate","candidate":1})", R"({"type":"candidate","candidate":"c","more":1})",
        R"({"type":"bye","why":1})", R"({"type":"remove-candidates","candidates":[]})", "{}", "[]",
        R"([{"type":"bye"}])"}) {
    check_said(text, "message", as_json(text));
    CHECK(passed_on(text) == Texts{text});
  }
  for (const auto* text : {"plain", R"("quoted")", "1", "null", "{", "bye", " "}) {
    check_said(text, "message", {Kind::text, text});
    CHECK(passed_on(text) == Texts{text});
  }
  const auto deep = std::string(65, '[') + std::string(65, ']');
  check_said(deep, "message", {Kind::text, deep});
  check_said("a\xff\xc3", "message", {Kind::text, "a\xEF\xBF\xBD\xEF\xBF\xBD"});
}

TEST_CASE("apprtc: from one client to another nothing changes") {
  for (const auto* text :
       {R"({"type":"offer","sdp":"v=0\r\n"})", R"({"sdp":"v=0","type":"answer"})",
        R"({"type":"candidate","label":0,"id":"0","candidate":"c"})", R"({"type":"bye"})"}) {
    CHECK(passed_on(text) == Texts{text});
  }
}

TEST_CASE("apprtc: what a native client says") {
  const auto* const offer = R"({"type":"offer","sdp":"v=0"})";
  CHECK(read("offer", as_json(R"({"sdp":"v=0","link":"x","call":1})")) == Texts{offer});
  CHECK(read("answer", as_json(R"({"sdp":"v=0"})")) == Texts{R"({"type":"answer","sdp":"v=0"})"});
  CHECK(read("bye", {}) == Texts{R"({"type":"bye"})"});
  CHECK(read("link", as_json(R"({"link":"x"})")).empty());
  CHECK(read("renew", as_json(R"({"call":2})")).empty());
  CHECK(read("link-error", as_json(R"({"code":"x"})")).empty());
  CHECK(read("offer", as_json(R"({"sdp":1})")) ==
        Texts{R"({"type":"offer","from":"peer","data":{"sdp":1}})"});
  CHECK(read("custom", {}) == Texts{R"({"type":"custom","from":"peer"})"});
  CHECK(texts_of({"custom", "r", "peer", "name", as_json("1")}) ==
        Texts{R"({"type":"custom","from":"peer","name":"name","data":1})"});
  CHECK(read("message", as_json(R"("a\nb")")) == Texts{"a\nb"});
  CHECK(read("message", as_json(R"("\ud800")")) == Texts{R"("\ud800")"});
  CHECK(read("message", as_json("1")) == Texts{"1"});
  CHECK(read("message", {Kind::text, "a"}) == Texts{"a"});
  CHECK(read("message", {Kind::binary, "abc"}) == Texts{R"({"base64":"YWJj"})"});
  CHECK_MESSAGE(read("message", {Kind::text, ""}).empty(), "which is none in the original");
  CHECK(read("message", {}).empty());
}

TEST_CASE("apprtc: candidates of a native client are messages of their own") {
  const auto* const one = R"({"candidate":"c","sdpMid":"0","sdpMLineIndex":0})";
  const auto* const read_one = R"({"type":"candidate","label":0,"id":"0","candidate":"c"})";
  CHECK(read("candidate", as_json(one)) == Texts{read_one});
  CHECK(read("candidate", as_json("{\"candidate\":" + std::string(one) + "}")) == Texts{read_one});
  const auto list = "[" + std::string(one) + ",{},{\"candidate\":\"\"},1," + one + "]";
  CHECK(read("candidate", as_json(list)) == Texts{read_one, read_one});
  CHECK(read("candidate", as_json("{\"candidates\":" + list + "}")) == Texts{read_one, read_one});
  CHECK(read("candidate", as_json(R"({"candidate":"c"})")) ==
        Texts{R"({"type":"candidate","label":null,"id":null,"candidate":"c"})"});
  CHECK(read("candidate", as_json("[]")).empty());
  CHECK(read("candidate", as_json("1")).empty());
  std::string many = "[";
  for (int i = 0; i < 300; ++i) many.append(i == 0 ? "" : ",").append(one);
  CHECK(read("candidate", as_json(many + "]")).size() == 256);
}

TEST_CASE("apprtc: an offer of a peer link") {
  const auto is_it = [](std::string type, Payload data) {
    return is_of_peer_link({std::move(type), "r", "p", "", std::move(data)});
  };
  CHECK(is_it("offer", as_json(R"({"sdp":"v=0","link":"x"})")));
  CHECK_FALSE(is_it("answer", as_json(R"({"sdp":"v=0","link":"x"})")));
  CHECK_FALSE(is_it("offer", as_json(R"({"sdp":"v=0"})")));
  CHECK_FALSE(is_it("offer", as_json(R"({"sdp":"v=0","link":1})")));
  CHECK_FALSE(is_it("offer", as_json("1")));
  CHECK_FALSE(is_it("offer", {}));
}
