#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "y_webrtc/y_webrtc.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)

namespace {

std::vector<Message> decoded(std::string text, Payload::Kind kind = Payload::Kind::text) {
  std::vector<Message> out;
  y_webrtc::protocol().decode({}, {kind, std::move(text)}, out);
  for (const auto& message : out) CHECK_FALSE(message.n.has_value());
  return out;
}

template <typename T>
T command(const Message& message) {
  REQUIRE(std::holds_alternative<Command>(message.content));
  REQUIRE(std::holds_alternative<T>(std::get<Command>(message.content)));
  return std::get<T>(std::get<Command>(message.content));
}

template <typename T>
T only(std::string text) {
  const auto out = decoded(std::move(text));
  REQUIRE(out.size() == 1);
  return command<T>(out[0]);
}

std::string sentence_of(const Message& message) {
  REQUIRE(std::holds_alternative<Error>(message.content));
  return std::string(std::get<Error>(message.content).sentence());
}

/// What subscribers are sent, when there are so many of them.
std::string heard(const Publish& publish, std::size_t receivers = 2) {
  const auto event = y_webrtc::protocol().dialect().encode(
      event::Said{publish.type, publish.topic, "p", "", publish.data, receivers});
  REQUIRE(event != nullptr);
  CHECK(event->more == nullptr);
  return event->bytes;
}

}  // namespace

TEST_CASE("y-webrtc: where it is, and what it takes") {
  const auto& protocol = y_webrtc::protocol();
  CHECK(protocol.path() == "/y-webrtc");
  CHECK(protocol.has_rooms());
  CHECK_FALSE(protocol.takes_guests());
  CHECK(protocol.greeting() == "okay");
  CHECK(protocol.dialect().name() == "y-webrtc");
  const auto entrance = protocol.entrance("any/path", {{"x", "y"}});
  REQUIRE(std::holds_alternative<plain::Entrance>(entrance));
  CHECK(std::get<plain::Entrance>(entrance).room.empty());
}

TEST_CASE("y-webrtc: each topic of a list; what is no text is left out") {
  const auto out = decoded(R"({"type":"subscribe","topics":["a",5,"\u00e4",null,["x"],""]})");
  REQUIRE(out.size() == 3);
  CHECK(command<Subscribe>(out[0]).topic == "y-webrtc\na");
  CHECK(command<Subscribe>(out[1]).topic == "y-webrtc\nä");
  CHECK(command<Subscribe>(out[2]).topic == "y-webrtc\n");
  CHECK(only<Unsubscribe>(R"({"topics":["a"],"type":"unsubscribe"})").topic == "y-webrtc\na");
  for (const auto* none : {R"({"type":"subscribe"})", R"({"type":"subscribe","topics":"a"})",
                           R"({"type":"subscribe","topics":{"a":1}})"})
    CHECK(decoded(none).empty());
}

TEST_CASE("y-webrtc: a single topic is Trystero's") {
  CHECK(only<Subscribe>(R"({"type":"subscribe","topic":"a"})").topic == "y-webrtc\na");
  CHECK(only<Unsubscribe>(R"({"type":"unsubscribe","topic":"a"})").topic == "y-webrtc\na");
}

TEST_CASE("y-webrtc: topics of more than 1,024 bytes or of half characters are refused") {
  const std::string longest(1024, 't');
  CHECK(only<Subscribe>(R"({"type":"subscribe","topics":[")" + longest + R"("]})").topic ==
        "y-webrtc\n" + longest);
  const auto out =
      decoded(R"({"type":"subscribe","topics":[")" + longest + R"(x","\ud800","good"]})");
  REQUIRE(out.size() == 3);
  CHECK(sentence_of(out[0]) == "A topic may have 1,024 bytes.");
  CHECK(sentence_of(out[1]) == "A topic is not Unicode text.");
  CHECK(command<Subscribe>(out[2]).topic == "y-webrtc\ngood");
}

TEST_CASE("y-webrtc: a list of more topics than a session may have is cut") {
  std::string many;
  for (std::size_t i = 0; i < plain::kMaxTopics + 5; ++i)
    many += (many.empty() ? "\"" : ",\"") + std::to_string(i) + '"';
  const auto out = decoded(R"({"type":"subscribe","topics":[)" + many + "]}");
  REQUIRE(out.size() == plain::kMaxTopics + 1);
  CHECK(sentence_of(out.back()) == "A message may name 1024 topics; the rest was left out.");
}

TEST_CASE("y-webrtc: what is published is passed on as it is, with the number of subscribers") {
  for (const std::string rest : {R"("data":{"type":"announce","from":"x"})", R"("data":"AAEC+/=")",
                                 R"("data":1.50e3)", R"("clients":77,"data":null)",
                                 R"("more":[1,{"a":"\u0000"}],"data":1,"payload":2)", "\"x\":1"}) {
    CAPTURE(rest);
    const auto publish = only<Publish>(R"({"type":"publish","topic":"t",)" + rest + "}");
    CHECK(publish.topic == "y-webrtc\nt");
    CHECK(heard(publish) == R"({"type":"publish","topic":"t",)" + rest + R"(,"clients":2})");
  }
  const auto spaced = only<Publish>(" {\n\"type\":\"publish\",\r\n\"topic\":\"t\"\n} ");
  CHECK(heard(spaced, 0) == R"({ "type":"publish",  "topic":"t" ,"clients":0})");
}

TEST_CASE("y-webrtc: a payload without data is Trystero's, and arrives without a type") {
  const auto publish = only<Publish>(R"({"type":"publish","payload":{"a": [1]},"topic":"\u0074"})");
  CHECK(publish.topic == "y-webrtc\nt");
  CHECK(heard(publish) == R"({"topic":"\u0074","payload":{"a": [1]}})");
}

TEST_CASE("y-webrtc: a ping is answered to its sender alone") {
  const auto reply = only<Reply>(R"({"type":"ping"})");
  const auto event =
      y_webrtc::protocol().dialect().encode(event::Said{reply.type, "", "", "", reply.data});
  REQUIRE(event != nullptr);
  CHECK(event->bytes == R"({"type":"pong"})");
  CHECK(decoded(R"({"type":"ping"})", Payload::Kind::binary).size() == 1);
}

TEST_CASE("y-webrtc: what is no message of the protocol is ignored") {
  for (const auto* text :
       {"{}", "[]", "null", "5", R"("ping")", R"({"type":5})", R"({"type":null})",
        R"({"type":"dance"})", R"({"type":"PING"})", R"({"type":"publish"})",
        R"({"type":"publish","topic":""})", R"({"type":"publish","topic":5,"data":1})",
        R"({"type":"ping","type":"dance"})"}) {
    CAPTURE(text);
    CHECK(decoded(text).empty());
  }
}

TEST_CASE("y-webrtc: what is no JSON is refused, with the place") {
  for (const auto* text : {"", "hello", "{", R"({"type":"ping"}x)", R"({"type":"ping",})"}) {
    CAPTURE(text);
    const auto out = decoded(text);
    REQUIRE(out.size() == 1);
    CHECK(sentence_of(out[0]).starts_with("A message is one JSON object. At byte "));
  }
  const auto deep = R"({"type":"ping","x":)" + std::string(64, '[') + std::string(64, ']') + "}";
  REQUIRE(decoded(deep).size() == 1);
  sentence_of(decoded(deep)[0]);
  REQUIRE(decoded("{\xff}", Payload::Kind::binary).size() == 1);
  sentence_of(decoded("{\xff}", Payload::Kind::binary)[0]);
}

TEST_CASE("y-webrtc: a refusal is an error message; nothing else is told") {
  const auto& dialect = y_webrtc::protocol().dialect();
  const auto refused = dialect.encode(event::Refused{{.code = ErrorCode::busy}, 1});
  REQUIRE(refused != nullptr);
  CHECK(refused->bytes.starts_with(R"({"type":"error","message":")"));
  CHECK(dialect.encode(event::Said{"other", "r", "p", "n", {}}) == nullptr);
  CHECK(dialect.encode(event::PeerJoined{"r", "p", "n", 1, false}) == nullptr);
}
