#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/keyed_hash.h"
#include "dialects/json_scanner.h"
#include "login/login.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using Json = nlohmann::json;
using Lines = std::vector<std::string>;
using std::string_literals::operator""s;

namespace {

EncodedEvent in_login(const Event& event) { return login::protocol().dialect().encode(event); }

/// The frames of an event, in order. Each must be JSON on one line, in a text frame.
Lines lines(const EncodedEvent& event) {
  Lines out;
  for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get()) {
    CHECK(frame->kind == Frame::Kind::text);
    CHECK(frame->bytes.find_first_of("\r\n") == std::string::npos);
    CHECK_FALSE(find_json_fault(frame->bytes));
    out.push_back(frame->bytes);
  }
  return out;
}

Payload of_json(std::string bytes) { return {Payload::Kind::json, std::move(bytes)}; }

Lines heard(const std::string& type, Payload data, const std::string& name = "ann") {
  const auto event = in_login(event::Said{type, "", "p1", name, std::move(data)});
  if (type != "bye" && event != nullptr) CHECK(event->voids_will_to == 0);
  return lines(event);
}

Lines refusal(Error error) { return lines(in_login(event::Refused{std::move(error), 7})); }

}  // namespace

TEST_CASE("login: offers, answers and candidates arrive with the sender's name") {
  CHECK(heard("offer", of_json(R"({"sdp":"x"})")) ==
        Lines{R"({"type":"offer","offer":{"sdp":"x"},"name":"ann"})"});
  CHECK(heard("answer", of_json("1")) == Lines{R"({"type":"answer","answer":1,"name":"ann"})"});
  CHECK(heard("candidate", of_json("{}")) ==
        Lines{R"({"type":"candidate","candidate":{},"name":"ann"})"});
  CHECK(heard("offer", of_json("null"), "ä \"€\"\\😀") ==
        Lines{R"({"type":"offer","offer":null,"name":"ä \"€\"\\😀"})"});
  CHECK(heard("answer", of_json("1"), "__proto__") ==
        Lines{R"({"type":"answer","answer":1,"name":"__proto__"})"});
}

TEST_CASE("login: the name of who has none is left out") {
  CHECK(heard("offer", of_json("1"), "") == Lines{R"({"type":"offer","offer":1})"});
  CHECK(heard("candidate", of_json("1"), "") == Lines{R"({"type":"candidate","candidate":1})"});
  CHECK(heard("bye", {}, "") == Lines{R"({"type":"leave"})"});
}

TEST_CASE("login: words of other kinds arrive as JSON") {
  using Kind = Payload::Kind;
  CHECK(heard("offer", {}) == Lines{R"({"type":"offer","offer":null,"name":"ann"})"});
  CHECK(heard("offer", {Kind::text, "a\n\"ä\0"s}) ==
        Lines{R"({"type":"offer","offer":"a\n\"ä\u0000","name":"ann"})"});
  CHECK(heard("answer", {Kind::binary, "fo"}) ==
        Lines{R"({"type":"answer","answer":{"base64":"Zm8="},"name":"ann"})"});
  CHECK(heard("candidate", {Kind::binary, "fo"}) ==
        Lines{R"({"type":"candidate","candidate":{"base64":"Zm8="},"name":"ann"})"});
  CHECK(heard("candidate", {Kind::text, "[1,2]"}) ==
        Lines{R"({"type":"candidate","candidate":"[1,2]","name":"ann"})"});
  CHECK(heard("candidate", {}) == Lines{R"({"type":"candidate","candidate":null,"name":"ann"})"});
  CHECK(heard("message", {Kind::text, "hi"}) ==
        Lines{R"({"type":"message","data":"hi","name":"ann"})"});
}

TEST_CASE("login: candidates that came together arrive one by one, in order") {
  CHECK(heard("candidate", of_json(R"([{"a":1}, [2,3] ,"four",null])")) ==
        Lines{R"({"type":"candidate","candidate":{"a":1},"name":"ann"})",
              R"({"type":"candidate","candidate":[2,3],"name":"ann"})",
              R"({"type":"candidate","candidate":"four","name":"ann"})",
              R"({"type":"candidate","candidate":null,"name":"ann"})"});
  CHECK(heard("candidate", of_json("[1]")) ==
        Lines{R"({"type":"candidate","candidate":1,"name":"ann"})"});
  CHECK_MESSAGE(in_login(event::Said{"candidate", "", "p", "ann", of_json("[]")}) == nullptr,
                "of none nothing is told");
  Json many = Json::array();
  for (int i = 0; i < 1000; ++i) many.push_back(i);
  const auto all = heard("candidate", of_json(many.dump()));
  REQUIRE_MESSAGE(all.size() == 256, "the rest is left out");
  for (int i = 0; i < 256; ++i)
    REQUIRE(Json::parse(all[static_cast<std::size_t>(i)])["candidate"] == i);
}

TEST_CASE("login: an array of one login client reaches another as that array") {
  for (const std::string array : {"[]", "[1,2]", "[[]]", R"([{"a":[]}])"}) {
    std::vector<Message> out;
    login::protocol().decode(
        {}, {Payload::Kind::text, R"({"type":"candidate","name":"b","candidate":)" + array + "}"},
        out);
    REQUIRE(out.size() == 1);
    const auto& say = std::get<Say>(std::get<Command>(out[0].content));
    CHECK(heard(say.type, say.data) ==
          Lines{R"({"type":"candidate","candidate":)" + array + R"(,"name":"ann"})"});
  }
}

TEST_CASE("login: bye arrives as leave, after which the receiver owes its sender none") {
  const auto bye = in_login(event::Said{"bye", "", "p1", "ann", of_json(R"({"why":"x"})")});
  CHECK(lines(bye) == Lines{R"({"type":"leave","name":"ann"})"});
  CHECK(bye->voids_will_to == sigway::base::keyed_hash("ann"));
  CHECK(in_login(event::Said{"bye", "", "p1", "", {}})->voids_will_to == 0);
}

TEST_CASE("login: other types arrive with their data") {
  CHECK(heard("chat", of_json(R"({"a":1})")) ==
        Lines{R"({"type":"chat","data":{"a":1},"name":"ann"})"});
  CHECK(heard("restart", {}) == Lines{R"({"type":"restart","data":null,"name":"ann"})"});
  CHECK(heard("login", of_json("1")) == Lines{R"({"type":"login","data":1,"name":"ann"})"});
}

TEST_CASE("login: the answer to a login") {
  CHECK(lines(in_login(event::LoggedIn{"ann", 3})) == Lines{R"({"type":"login","success":true})"});
  CHECK(refusal({.code = ErrorCode::name_taken, .to = "@ann"}) ==
        Lines{R"({"type":"login","success":false})"});
  CHECK(refusal({.code = ErrorCode::bad_name}) == Lines{R"({"type":"login","success":false})"});
}

TEST_CASE("login: refusals are told as errors, but for one") {
  CHECK(refusal({.code = ErrorCode::bad_type, .message = "Command not found: \"x\"\n"}) ==
        Lines{R"({"type":"error","message":"Command not found: \"x\"\n"})"});
  CHECK_MESSAGE(refusal({.code = ErrorCode::bad_type, .message = "Command not found: \xC3"}) ==
                    Lines{"{\"type\":\"error\",\"message\":\"Command not found: \xEF\xBF\xBD\"}"},
                "a cut character");
  CHECK(in_login(event::Refused{{.code = ErrorCode::nobody_there, .to = "@x"}, 1}) == nullptr);
  for (int i = 0; i <= static_cast<int>(ErrorCode::full); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    if (code == ErrorCode::nobody_there || code == ErrorCode::name_taken ||
        code == ErrorCode::bad_name) {
      continue;
    }
    const auto told = refusal({.code = code});
    REQUIRE(told.size() == 1);
    CHECK(Json::parse(told[0]) == Json{{"type", "error"}, {"message", info(code).message}});
  }
}

TEST_CASE("login: who loses its name hears of it") {
  const auto told = lines(in_login(event::NameLost{"a\"ä"}));
  REQUIRE(told.size() == 1);
  const auto object = Json::parse(told[0]);
  CHECK(object["type"] == "error");
  CHECK(object["message"].get<std::string>().find("a\"ä") != std::string::npos);
}

TEST_CASE("login: nothing else is told") {
  const std::vector<Event> events = {event::Created{"r", "p", 1, 2, 3},
                                     event::Joined{"r", "p", 1, 2, {}, 3},
                                     event::Ready{"r"},
                                     event::Full{"r", 2, 3},
                                     event::Left{"r", 3},
                                     event::PlaceLost{"r"},
                                     event::PeerJoined{"r", "p", "n", 2, true},
                                     event::PeerNamed{"r", "p", "n"},
                                     event::PeerSuspended{"r", "p"},
                                     event::PeerResumed{"r", "p"},
                                     event::PeerLeft{"r", "p", "left"},
                                     event::LoggedOut{"n", 1},
                                     event::Stored{"@n", 60, 1},
                                     event::Seen{"r", 1, 1},
                                     event::Expired{"@n", "m"}};
  CHECK(events.size() == std::variant_size_v<Event> - 4);
  for (const auto& event : events) {
    CAPTURE(event.index());
    CHECK(in_login(event) == nullptr);
  }
}

TEST_CASE("login: a frame in a poll's answer is the object itself") {
  std::string out = "[";
  login::protocol().append_json(out, *in_login(event::LoggedIn{"ann", 3}));
  CHECK(out == R"([{"type":"login","success":true})");
}
