#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "raw/raw.h"

using namespace sigway::dialects;  // NOLINT(google-build-using-namespace)
using Json = nlohmann::json;
using std::string_literals::operator""s;

namespace {

EncodedEvent in_raw(const Event& event) { return raw::protocol().dialect().encode(event); }

/// The text frame that somebody's words become.
std::string heard(std::string type, Payload data, std::string name = "") {
  const auto frame =
      in_raw(event::Said{std::move(type), "r", "p1", std::move(name), std::move(data)});
  REQUIRE(frame != nullptr);
  CHECK(frame->kind == Frame::Kind::text);
  CHECK(frame->more == nullptr);
  CHECK(frame->voids_will_to == 0);
  return frame->bytes;
}

std::string heard_json(std::string json) {
  return heard("message", {Payload::Kind::json, std::move(json)});
}

}  // namespace

TEST_CASE("raw: what a raw client said arrives byte for byte, of its kind") {
  for (const auto& bytes : {""s, "hello"s, "ä€😀\0\r\n\"\\"s, "\"quoted\""s, "{}"s}) {
    CAPTURE(bytes);
    CHECK(heard("message", {Payload::Kind::text, bytes}) == bytes);
  }
  for (const auto& bytes : {""s, "\xff\x00\x80\n"s, "text"s}) {
    const auto frame = in_raw(event::Said{"message", "r", "p", "", {Payload::Kind::binary, bytes}});
    REQUIRE(frame != nullptr);
    CHECK(frame->bytes == bytes);
    CHECK(frame->kind == Frame::Kind::binary);
    CHECK(frame->more == nullptr);
  }
}

TEST_CASE("raw: a native message with a string arrives as that text") {
  CHECK(heard_json(R"("hello")") == "hello");
  CHECK(heard_json(R"("")").empty());
  CHECK(heard_json(R"("a\n\"b\"\\\u0000\u00e4\ud83d\ude00")") == "a\n\"b\"\\\0ä😀"s);
  CHECK_MESSAGE(heard_json(R"("\ud800")") == R"("\ud800")", "half a pair is no text: its JSON");
}

TEST_CASE("raw: a native message with anything else arrives as its JSON") {
  for (const auto* json : {"null", "true", "12", "[]", R"({"a":"b"})", R"(["x"])"}) {
    CAPTURE(json);
    CHECK(heard_json(json) == json);
  }
}

TEST_CASE("raw: other types are told with their sender, on one line") {
  using Kind = Payload::Kind;
  CHECK(heard("offer", {Kind::json, R"({"sdp":"x"})"}) ==
        R"({"type":"offer","from":"p1","data":{"sdp":"x"}})");
  CHECK(heard("bye", {}) == R"({"type":"bye","from":"p1"})");
  CHECK(heard("chat", {Kind::json, R"("a")"}, "ann \"ä\"") ==
        R"({"type":"chat","from":"p1","name":"ann \"ä\"","data":"a"})");
  CHECK(heard("chat", {Kind::text, "a\nb"}) == R"({"type":"chat","from":"p1","data":"a\nb"})");
  CHECK(heard("file", {Kind::binary, "foo"}) ==
        R"({"type":"file","from":"p1","data":{"base64":"Zm9v"}})");
  CHECK_MESSAGE(heard("message", {}) == R"({"type":"message","from":"p1"})", "nothing was said");
}

TEST_CASE("raw: nothing else is told") {
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
                                     event::LoggedIn{"n", 1},
                                     event::LoggedOut{"n", 1},
                                     event::NameLost{"n"},
                                     event::Stored{"@n", 60, 1},
                                     event::Seen{"r", 1, 1},
                                     event::Refused{{.code = ErrorCode::busy}, 1},
                                     event::Expired{"@n", "m"}};
  static_assert(std::variant_size_v<Event> == 19, "all but Said");
  CHECK(events.size() == std::variant_size_v<Event> - 1);
  for (const auto& event : events) {
    CAPTURE(event.index());
    CHECK(in_raw(event) == nullptr);
  }
}

TEST_CASE("raw: a frame in a poll's answer is a JSON value") {
  std::string out = "[";
  raw::protocol().append_json(out, {.bytes = "a\"ä\n\0"s});
  out += ',';
  raw::protocol().append_json(out, {.bytes = "\xff\xfe", .kind = Frame::Kind::binary});
  out += ']';
  CHECK(out == "[\"a\\\"ä\\n\\u0000\",{\"base64\":\"//4=\"}]");
}
