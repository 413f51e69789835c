#include "plain/request.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "libdatachannel/libdatachannel.h"
#include "matchbox/matchbox.h"
#include "raw/raw.h"

using namespace sigway;         // NOLINT(google-build-using-namespace)
using namespace sigway::plain;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using dialects::Error;
using dialects::ErrorCode;

namespace {

http::Request request(std::string path, std::string query = "") {
  http::Request made;
  made.method = http::Method::get;
  made.path = std::move(path);
  made.query = std::move(query);
  return made;
}

Query read_all(const std::string& path, const std::string& query = "") {
  CAPTURE(query);
  const auto result = read_query(dialects::raw::protocol(), request(path, query));
  REQUIRE(std::holds_alternative<Query>(result));
  return std::get<Query>(result);
}

ErrorCode refused(const std::string& query, const std::string& path = "/raw") {
  CAPTURE(query);
  const auto result = read_query(dialects::raw::protocol(), request(path, query));
  REQUIRE(std::holds_alternative<Error>(result));
  CHECK_FALSE(std::get<Error>(result).sentence().empty());
  CHECK_FALSE(std::get<Error>(result).advice().empty());
  return std::get<Error>(result).code;
}

const std::string kKey = "abcdefghijklmnopqrst-_";

}  // namespace

TEST_CASE("plain: an address without parameters") {
  const auto query = read_all("/raw");
  CHECK(query.entrance.room == "raw");
  CHECK(query.entrance.echo);
  CHECK_FALSE(query.key.has_value());
  CHECK_FALSE(query.next.has_value());
  CHECK_FALSE(query.wait.has_value());
  CHECK_FALSE(query.number.has_value());
}

TEST_CASE("plain: the room is what follows the protocol's path") {
  CHECK(read_all("/raw/tea").entrance.room == "tea");
  CHECK(read_all("/raw/a/b").entrance.room == "a/b");
  CHECK(read_all("/raw/ä 😀").entrance.room == "ä 😀");
  CHECK(read_all("/raw/").entrance.room == "raw");
  CHECK(read_all("/raw/raw").entrance.room == "raw");
  CHECK(read_all("/raw//raw/x").entrance.room == "/raw/x");
  CHECK_MESSAGE(read_all("/").entrance.room == "raw", "at / of a port");
  CHECK_MESSAGE(read_all("/tea").entrance.room == "tea", "below / of a port");
  CHECK(read_all("/rawest/tea").entrance.room == "rawest/tea");
  CHECK(refused("", "/raw/" + std::string(129, 'r')) == ErrorCode::bad_room);
}

TEST_CASE("plain: all parameters at once") {
  const auto query = read_all("/raw", "key=" + kKey + "&next=12&wait=3&n=7&echo=0&other=x");
  CHECK(query.key == kKey);
  CHECK(query.next == 12);
  CHECK(query.wait == 3s);
  CHECK(query.number == 7);
  CHECK_FALSE(query.entrance.echo);
}

TEST_CASE("plain: a key is as everywhere") {
  CHECK(read_all("/raw", "key=" + std::string(128, 'k')).key == std::string(128, 'k'));
  for (const auto& key : {std::string(), std::string(21, 'k'), std::string(129, 'k'),
                          std::string(22, 'k') + ".1", std::string(22, 'k') + "%20"}) {
    CHECK(refused("key=" + key) == ErrorCode::bad_key);
  }
}

TEST_CASE("plain: numbers are whole ones from 1 to 2^53 - 1") {
  for (const std::string name : {"next", "n"}) {
    const auto value = [&](const std::string& text) {
      const auto query = read_all("/raw", name + "=" + text);
      return name == "n" ? query.number : query.next;
    };
    CHECK(value("1") == 1);
    CHECK(value("007") == 7);
    CHECK(value("9007199254740991") == 9007199254740991U);
    for (const auto* bad : {"", "0", "-1", "%2B1", "1.5", "1e3", "0x1", "abc", "1a", "%201", "1%20",
                            "9007199254740992", "18446744073709551616", "1%00"}) {
      CHECK(refused(name + "=" + bad) == ErrorCode::bad_request);
    }
  }
}

TEST_CASE("plain: a wait is in seconds, and 0 is one") {
  CHECK(read_all("/raw", "wait=0").wait == 0s);
  CHECK(read_all("/raw", "wait=25").wait == 25s);
  CHECK_MESSAGE(read_all("/raw", "wait=9007199254740991").wait == 24h, "more would not fit");
  for (const auto* bad : {"", "-1", "1.5", "x", "25s", "9007199254740992"})
    CHECK(refused(std::string("wait=") + bad) == ErrorCode::bad_request);
}

TEST_CASE("plain: what the protocol refuses is refused") {
  CHECK(refused("echo=2") == ErrorCode::bad_request);
  CHECK(refused("key=short&echo=2") == ErrorCode::bad_key);
}

TEST_CASE("plain: an event's id names its session and its number") {
  const auto id = parse_event_id(kKey + ".12");
  REQUIRE(id);
  CHECK(id->key == kKey);
  CHECK(id->number == 12);
  REQUIRE_MESSAGE(parse_event_id(kKey + ".0"), "nothing has arrived yet");
  CHECK(parse_event_id(kKey + ".0")->number == 0);
  CHECK(parse_event_id(kKey + ".9007199254740991")->number == 9007199254740991U);
  for (const auto& bad :
       {std::string(), kKey, std::string("12"), "." + kKey, kKey + ".", kKey + ".x", kKey + ".1.2",
        kKey + ".-1", kKey + ". 1", kKey + ".1 ", kKey + ".9007199254740992",
        kKey + ".99999999999999999999", std::string("short.1"), " " + kKey + ".1",
        kKey + "\xc3\xa4.1", std::string(129, 'k') + ".1", kKey + std::string(1, '\0') + ".1"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_event_id(bad));
  }
}

TEST_CASE("plain: what opens a session") {
  dialects::plain::Entrance entrance{.room = "tea", .capacity = 5};
  const auto contents =
      contents_of(dialects::raw::protocol(), entrance, kKey, "192.0.2.1", dialects::plain::kGuest);
  CHECK(contents.key == session::hash_key(kKey));
  CHECK(contents.room == "tea");
  CHECK(contents.capacity == 5);
  CHECK(contents.name.empty());
  CHECK_FALSE(contents.replaces);
  CHECK(contents.dialect == &dialects::raw::protocol().dialect());
  CHECK(contents.traits == &dialects::plain::kGuest);
  CHECK(contents.address == base::AddressKey::parse("192.0.2.1"));
}

TEST_CASE("plain: the binding's own parameters are the protocol's on a WebSocket only") {
  const auto entrance_of = [](bool is_socket) {
    auto asked = request("/matchbox/lobby", "next=2");
    if (is_socket) asked.headers.push_back({"upgrade", "websocket"});
    return std::get<Query>(read_query(dialects::matchbox::protocol(), asked));
  };
  const auto poll = entrance_of(false);
  CHECK(poll.next == 2);
  CHECK_FALSE(poll.entrance.series);
  CHECK(entrance_of(true).entrance.series);
}

TEST_CASE("plain: a name at the entrance is what the session is opened with") {
  const auto query = std::get<Query>(
      read_query(dialects::libdatachannel::protocol(), request("/libdatachannel/4zHk")));
  const auto contents = contents_of(dialects::libdatachannel::protocol(), query.entrance, kKey,
                                    "127.0.0.1", dialects::plain::kSocket);
  CHECK(contents.name == "4zHk");
  CHECK(contents.room.empty());
}
