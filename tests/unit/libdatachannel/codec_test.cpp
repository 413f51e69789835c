#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/keyed_hash.h"
#include "libdatachannel/libdatachannel.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using Lines = std::vector<std::string>;

namespace {

std::vector<Message> decoded(std::string text, Payload::Kind kind = Payload::Kind::text) {
  std::vector<Message> out;
  libdatachannel::protocol().decode({.name = "me"}, {kind, std::move(text)}, out);
  for (const auto& message : out) CHECK_FALSE(message.n.has_value());
  return out;
}

template <typename T>
T command(const Message& message) {
  REQUIRE(std::holds_alternative<Command>(message.content));
  REQUIRE(std::holds_alternative<T>(std::get<Command>(message.content)));
  return std::get<T>(std::get<Command>(message.content));
}

/// The last thing that came of it, to `bob`.
Say said(std::string text) {
  const auto out = decoded(std::move(text));
  REQUIRE_FALSE(out.empty());
  auto say = command<Say>(out.back());
  CHECK(say.to == std::vector<Address>{{Address::Kind::name, "bob"}});
  return say;
}

Lines lines(const Event& event) {
  const auto encoded = libdatachannel::protocol().dialect().encode(event);
  Lines out;
  for (const auto* frame = encoded.get(); frame != nullptr; frame = frame->more.get())
    out.push_back(frame->bytes);
  return out;
}

/// How it arrives from `ann`.
Lines heard(const std::string& type, Payload data) {
  return lines(event::Said{type, "", "p", "ann", std::move(data)});
}
Lines heard(const Say& say) { return heard(say.type, say.data); }
Payload json(std::string bytes) { return {Payload::Kind::json, std::move(bytes)}; }

std::optional<std::string> id_of(std::string_view path) {
  const auto entrance = libdatachannel::protocol().entrance(path, {});
  if (std::holds_alternative<Error>(entrance)) {
    CHECK(std::get<Error>(entrance).code == ErrorCode::bad_name);
    return std::nullopt;
  }
  return std::get<plain::Entrance>(entrance).name;
}

}  // namespace

TEST_CASE("libdatachannel: the first segment of the path is the id") {
  CHECK(libdatachannel::protocol().path() == "/libdatachannel");
  CHECK(libdatachannel::protocol().dialect().name() == "libdatachannel");
  CHECK(id_of("4zHk") == "4zHk");
  CHECK(id_of("ä😀/more/of/it") == "ä😀");
  CHECK(id_of(std::string(64, 'i')) == std::string(64, 'i'));
  for (const auto& none : {std::string(), std::string("/x"), std::string("@x"), std::string("a\nb"),
                           std::string(65, 'i')})
    CHECK_FALSE(id_of(none));
}

TEST_CASE("libdatachannel: descriptions and candidates are those of all dialects") {
  const auto offer = said(R"({"id":"bob","type":"offer","description":"v=0\r\n"})");
  CHECK(offer.type == "offer");
  CHECK(offer.data == json(R"({"type":"offer","sdp":"v=0\r\n"})"));
  CHECK(heard(offer) == Lines{R"({"id":"ann","type":"offer","description":"v=0\r\n"})"});
  const auto answer = said(R"({"description":"","type":"answer","id":"bob"})");
  CHECK(answer.data == json(R"({"type":"answer","sdp":""})"));
  const auto candidate = said(R"({"id":"bob","type":"candidate","candidate":"c","mid":"0"})");
  CHECK(candidate.type == "candidate");
  CHECK(candidate.data == json(R"({"candidate":"c","sdpMid":"0"})"));
  CHECK(heard(candidate) == Lines{R"({"id":"ann","type":"candidate","candidate":"c","mid":"0"})"});
}

TEST_CASE("libdatachannel: whom it calls hears of it when a client goes") {
  for (const auto* type : {"offer", "answer"}) {
    const auto out =
        decoded(std::string(R"({"id":"bob","description":"","type":")") + type + "\"}");
    REQUIRE(out.size() == 2);
    const auto will = command<Will>(out[0]);
    CHECK(will.name == "bob");
    REQUIRE(will.message.has_value());
    CHECK(will.message->type == "bye");
    CHECK_FALSE(will.message->store);
  }
  CHECK(decoded(R"({"id":"bob","type":"candidate","candidate":"c","mid":"0"})").size() == 1);
}

TEST_CASE("libdatachannel: all else is passed on with every field but the id") {
  for (const std::string rest :
       {R"("type":"request")", R"("type":"offer","sdp":"v=0")", R"("type":"offer","description":5)",
        R"("type":"offer","description":"","x":1)", R"("type":"candidate","candidate":"c")",
        R"("type":"candidate","candidate":"c","mid":null)", R"("type":"joined","peer":"x")",
        R"("type":5)", R"("a":[{"id":"inner"}],"b":1.50)"}) {
    CAPTURE(rest);
    const auto say = said(R"({"id":"bob",)" + rest + "}");
    CHECK_MESSAGE(say.type == "message", "nothing that a server would say to a native client");
    CHECK(say.data == json("{" + rest + "}"));
    CHECK(heard(say) == Lines{R"({"id":"ann",)" + rest + "}"});
  }
  CHECK(heard(said(R"({"id":"bob"})")) == Lines{R"({"id":"ann"})"});
  CHECK(heard(said("{\"id\":\"x\",\n\"type\":\"y\",\"id\":\"bob\"}")) ==
        Lines{R"({"id":"ann","type":"y"})"});
}

TEST_CASE("libdatachannel: what is no message, and whom nobody can be") {
  const auto is_refused = [](const std::string& text) {
    CAPTURE(text);
    const auto out = decoded(text);
    REQUIRE(out.size() == 1);
    CHECK(std::holds_alternative<Error>(out[0].content));
  };
  for (const auto* text : {"", "hello", "[]", "null", "{", R"({"id":"bob"}x)", "{}",
                           R"({"type":"offer","description":""})", R"({"id":5})"})
    is_refused(text);
  is_refused(R"({"id":"bob","x":)" + std::string(64, '[') + std::string(64, ']') + "}");
  for (const auto* id : {"", "@bob", "\\u0000", "\\ud800"})
    CHECK(decoded(std::string(R"({"type":"x","id":")") + id + "\"}").empty());
  CHECK_MESSAGE(decoded(R"({"id":"bob"})", Payload::Kind::binary).empty(), "as in the original");
}

TEST_CASE("libdatachannel: what others say, as the examples can take it") {
  CHECK(heard("offer", json(R"({"sdp":"v=0","type":"offer"})")) ==
        Lines{R"({"id":"ann","type":"offer","description":"v=0"})"});
  for (const auto* none : {"null", "{}", R"({"sdp":5})", "[]", "\"v=0\""})
    CHECK(heard("offer", json(none)).empty());
  CHECK(heard("candidate", json(R"({"candidate":"c","sdpMid":null,"sdpMLineIndex":3})")) ==
        Lines{R"({"id":"ann","type":"candidate","candidate":"c","mid":"3"})"});
  CHECK(heard("candidate", json(R"({"candidate":"c"})")) ==
        Lines{R"({"id":"ann","type":"candidate","candidate":"c","mid":"0"})"});
  CHECK_MESSAGE(heard("candidate", json(R"([{"candidate":"a","sdpMid":"x"},null,{"candidate":""},)"
                                        R"({"candidate":"b","sdpMid":"y"}])")) ==
                    Lines({R"({"id":"ann","type":"candidate","candidate":"a","mid":"x"})",
                           R"({"id":"ann","type":"candidate","candidate":"b","mid":"y"})"}),
                "the end of candidates has no word");
  for (const auto* none : {"null", "5", "{}", "[]", R"({"candidate":""})"})
    CHECK(heard("candidate", json(none)).empty());
  CHECK(heard("chat", json("[1]")) == Lines{R"({"id":"ann","type":"chat","data":[1]})"});
  CHECK(heard("chat", {}) == Lines{R"({"id":"ann","type":"chat"})"});
  CHECK(heard("message", {Payload::Kind::text, "hi"}) ==
        Lines{R"({"id":"ann","type":"message","data":"hi"})"});
  CHECK(heard("message", json(R"({"type":"request","id":"forged","\u0069d":1})")) ==
        Lines{R"({"id":"ann","type":"request"})"});
  CHECK(lines(event::Said{"chat", "", "p", "", json("1")}) == Lines{R"({"type":"chat","data":1})"});
}

TEST_CASE("libdatachannel: too many candidates are cut") {
  std::string many = "[";
  for (int i = 0; i < 300; ++i) many += (i == 0 ? "" : ",") + std::string(R"({"candidate":"c"})");
  CHECK(heard("candidate", json(many + "]")).size() == 256);
}

TEST_CASE("libdatachannel: bye voids the last words to whom it came from") {
  const auto event =
      libdatachannel::protocol().dialect().encode(event::Said{"bye", "", "p", "ann", {}});
  REQUIRE(event != nullptr);
  CHECK(event->bytes == R"({"id":"ann","type":"bye"})");
  CHECK(event->voids_will_to == sigway::base::keyed_hash("ann"));
}

TEST_CASE("libdatachannel: refusals are errors, but for those of which the original is silent") {
  CHECK(lines(event::Refused{{.code = ErrorCode::nobody_there}, 1}).empty());
  CHECK(lines(event::Refused{{.code = ErrorCode::name_taken}, 0}).empty());
  CHECK(lines(event::Refused{{.code = ErrorCode::busy, .message = "Later."}, 1}) ==
        Lines{R"({"type":"error","message":"Later."})"});
  CHECK(lines(event::LoggedIn{"ann", 0}).empty());
  CHECK(lines(event::Stored{"@bob", 60, 1}).empty());
}
