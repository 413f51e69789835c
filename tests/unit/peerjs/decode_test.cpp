#include <doctest/doctest.h>

#include <string>

#include "peerjs/peerjs.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

Say say_of(const std::string& text, const std::string& id = "alice") {
  CAPTURE(text);
  const auto message = peerjs::decode(id, text);
  REQUIRE(message.has_value());
  CHECK_FALSE(message->n.has_value());
  REQUIRE(std::holds_alternative<Command>(message->content));
  return std::get<Say>(std::get<Command>(message->content));
}

/// What the receiver gets.
std::string passed_on(const std::string& text, const std::string& id = "alice") {
  return say_of(text, id).data.bytes;
}

bool is_nothing(const std::string& text) { return !peerjs::decode("alice", text).has_value(); }

}  // namespace

TEST_CASE("peerjs: what the server passes on") {
  for (const std::string type : {"OFFER", "ANSWER", "CANDIDATE", "LEAVE", "EXPIRE"}) {
    const auto say = say_of(R"({"type":")" + type + R"(","dst":"bob","payload":{"a":[1, 2]}})");
    CHECK(say.type == type);
    CHECK(say.to == std::vector<Address>{{Address::Kind::name, "peerjs\nbob"}});
    CHECK(say.data == Payload{Payload::Kind::json,
                              R"({"type":")" + type +
                                  R"(","src":"alice","dst":"bob","payload":{"a":[1, 2]}})"});
    CHECK(say.store == (type != "LEAVE" && type != "EXPIRE"));
    CHECK(say.lifetime >= 5s);
    CHECK(say.lifetime <= 6s);
    CHECK_FALSE(say.room.has_value());
    CHECK_FALSE(say.echo);
  }
}

TEST_CASE("peerjs: the sender is who it is") {
  CHECK(passed_on(R"({"src":"eve","dst":"bob","type":"OFFER","more":1})") ==
        R"({"type":"OFFER","src":"alice","dst":"bob"})");
  CHECK(passed_on(R"({"type":"OFFER","dst":"bob"})", "a \"quoted\" ž\\") ==
        R"({"type":"OFFER","src":"a \"quoted\" ž\\","dst":"bob"})");
}

TEST_CASE("peerjs: payloads keep their bytes, on one line") {
  for (const std::string payload : {"null", "0", "-1.5e-7", "\"\"", "\"\\u2028\\ud83d\\ude80ž\"",
                                    "[]", "{}", "[[1,[2]],{\"a\":{\"b\":null}}]", "true"}) {
    CHECK(passed_on(R"({"type":"OFFER","dst":"bob","payload":)" + payload + "}") ==
          R"({"type":"OFFER","src":"alice","dst":"bob","payload":)" + payload + "}");
  }
  CHECK(passed_on("{\"type\":\"OFFER\",\n\"dst\":\"bob\",\"payload\":[1,\r\n2]}") ==
        R"({"type":"OFFER","src":"alice","dst":"bob","payload":[1,  2]})");
}

TEST_CASE("peerjs: JSON as JSON.parse reads it") {
  CHECK(passed_on(R"({"type":"OFFER","dst":"bob","payload":1,"payload":2,"type":"ANSWER"})") ==
        R"({"type":"ANSWER","src":"alice","dst":"bob","payload":2})");
  CHECK(passed_on(R"({"\u0074ype":"OF\u0046ER","dst":"b\u006fb"})") ==
        R"({"type":"OFFER","src":"alice","dst":"bob"})");
}

TEST_CASE("peerjs: LEAVE to nobody leaves") {
  for (const std::string text : {R"({"type":"LEAVE"})", R"({"type":"LEAVE","dst":null})",
                                 R"({"type":"LEAVE","dst":"","payload":1})"}) {
    const auto message = peerjs::decode("alice", text);
    REQUIRE(message.has_value());
    REQUIRE(std::holds_alternative<Command>(message->content));
    CHECK(std::holds_alternative<Leave>(std::get<Command>(message->content)));
  }
}

TEST_CASE("peerjs: heartbeats, and what the server does not act on") {
  for (const std::string text : {R"({"type":"HEARTBEAT"})",
                                 R"({"type":"HEARTBEAT","dst":"bob"})",
                                 R"({"type":"OPEN"})",
                                 R"({"type":"ID-TAKEN","dst":"bob"})",
                                 R"({"type":"ERROR","dst":"bob"})",
                                 R"({"type":"offer","dst":"bob"})",
                                 R"({"type":5,"dst":"bob"})",
                                 R"({"type":["OFFER"],"dst":"bob"})",
                                 R"({"type":"\ud800","dst":"bob"})",
                                 R"({"dst":"bob"})",
                                 R"({"type":"OFFER"})",
                                 R"({"type":"OFFER","dst":null})",
                                 R"({"type":"EXPIRE","dst":""})",
                                 R"({"type":"OFFER","dst":5})",
                                 R"({"type":"OFFER","dst":["bob"]})",
                                 R"({"type":"LEAVE","dst":{}})",
                                 R"({"type":"OFFER","dst":"\ud800"})",
                                 "",
                                 "x",
                                 "null",
                                 "[]",
                                 "5",
                                 "\"OFFER\"",
                                 R"([{"type":"OFFER","dst":"bob"}])",
                                 R"({"type":"OFFER","dst":"bob"} x)",
                                 R"({"type":"OFFER","dst":"bob",})",
                                 "{'type':'OFFER'}",
                                 "{\"type\":\"OFFER\",\"dst\":\"\xff\"}"}) {
    CHECK_MESSAGE(is_nothing(text), text);
  }
  const auto deep = [](int levels) {
    return R"({"type":"OFFER","dst":"bob","payload":)" + std::string(levels, '[') +
           std::string(levels, ']') + "}";
  };
  CHECK_FALSE(is_nothing(deep(63)));
  CHECK(is_nothing(deep(64)));
}

TEST_CASE("peerjs: an id that nobody can have") {
  for (const std::string& id : {std::string(129, 'x'), std::string("a\\nb"), std::string("\\u0000"),
                                std::string("\\u0085")}) {
    const auto message = peerjs::decode("alice", R"({"type":"OFFER","dst":")" + id + "\"}");
    REQUIRE(message.has_value());
    REQUIRE(std::holds_alternative<Error>(message->content));
    const auto& error = std::get<Error>(message->content);
    CHECK(error.code == ErrorCode::bad_name);
    CHECK(error.to.starts_with("@peerjs\n"));
    CHECK(is_nothing(R"({"type":"LEAVE","dst":")" + id + "\"}"));
  }
}

TEST_CASE("peerjs: ids") {
  for (const std::string id : {"x", "alice", "550e8400-e29b-41d4-a716-446655440000", " ", "@x", "ž",
                               "a b", "__proto__", "\"", "a/b"})
    CHECK(peerjs::valid_id(id));
  CHECK(peerjs::valid_id(std::string(128, 'x')));
  for (const std::string id : {"", "a\nb", "\x7f", "\xff", "\xc2\x85"})
    CHECK_FALSE(peerjs::valid_id(id));
  CHECK_FALSE(peerjs::valid_id(std::string(129, 'x')));
  CHECK(peerjs::name_of("alice") == "peerjs\nalice");
}
