// People at a terminal: the server makes the key (docs/protocol.md, "Opening and resuming").
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "scenario/client.h"
#include "scenario/sse_carrier.h"
#include "scenario/websocket_carrier.h"

using namespace sigway::testing;

namespace {

// A witness in the room that hears who comes and goes.
struct Witness {
  explicit Witness(Site& site) : client(site, Transport::poll) {
    client.open({{"room", "r"}});
    client.expect("created");
  }
  void expect_left() {
    const auto left = client.expect("peer-left");
    CHECK(left.at("reason") == "left");
  }
  Client client;
};

}  // namespace

TEST_CASE("persons: an event stream by GET opens, is active, shows the key and what to type") {
  Site site;
  Witness witness(site);
  SessionState session;
  SseCarrier stream(site, session, "default");
  stream.start_get("/v1/sse?room=r&name=bob");
  const auto welcome = stream.finish_attach().body;
  const auto key = welcome.at("key").get<std::string>();
  CHECK(key.size() >= 22);
  CHECK(welcome.at("active") == true);
  for (const auto* type : {"login", "joined", "ready"}) {
    const auto event = stream.event();
    REQUIRE(event);
    CHECK(event->body.at("type") == type);
  }
  CHECK(stream.comments().find("curl -d") != std::string::npos);
  CHECK(stream.comments().find(key) != std::string::npos);
  CHECK(stream.comments().find("/v1/send") != std::string::npos);
  CHECK(witness.client.expect("peer-joined").at("name") == "bob");
  witness.client.expect("ready");
  // Nobody has quoted the key: the session ends with its connection.
  stream.cut();
  witness.expect_left();
  CHECK(site.metric("sigway_sessions") == 1);
}

TEST_CASE("persons: a stream that could not be gone on with is not ended for its age") {
  Site site({"--stream-max-age", "500ms", "--stream-max-bytes", "2000"});
  Witness witness(site);
  SessionState session;
  SseCarrier stream(site, session, "default");
  stream.start_get("/v1/sse?room=r");
  stream.finish_attach();
  witness.client.expect("peer-joined");
  witness.client.expect("ready");
  for (int i = 0; i < 20; ++i) {
    witness.client.say("m", i);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  int heard = 0;
  while (heard < 20) {
    const auto event = stream.event();
    REQUIRE(event);
    if (event->body.at("type") != "m") continue;
    CHECK(event->body.at("data") == heard++);
  }
  CHECK_FALSE(stream.has_ended());
}

TEST_CASE("persons: a WebSocket without a key opens, by frame or by query") {
  Site site;
  Witness witness(site);
  for (const bool by_query : {true, false}) {
    SessionState session;
    WebSocketCarrier socket(site, session, "default");
    if (by_query) {
      socket.connect("/v1/ws?room=r", false);  // as wscat does it, without a subprotocol
    } else {
      socket.connect("/v1/ws", false);
      socket.send_text(R"({"open":{"room":"r"}})");
    }
    const auto welcome = socket.finish_attach().body;
    CHECK(welcome.at("key").get<std::string>().size() >= 22);
    CHECK(welcome.at("active") == true);
    socket.send_text(R"({"type":"hello","data":1})");
    witness.client.expect("peer-joined");
    witness.client.expect("ready");
    CHECK(witness.client.expect("hello").at("data") == 1);
    socket.cut();
    witness.expect_left();
  }
}

TEST_CASE("persons: a session outlives its connection once somebody has quoted its key") {
  Site site({"--suspend-after", "100ms"});
  Witness witness(site);
  SessionState session;
  SseCarrier stream(site, session, "default");
  stream.start_get("/v1/sse?room=r");
  session.key = stream.finish_attach().body.at("key");
  CHECK(site.post("/v1/send", {{"key", session.key}, {"type", "hello"}}).status == 200);
  witness.client.expect("peer-joined");
  witness.client.expect("ready");
  witness.client.expect("hello");
  stream.cut();
  witness.client.expect("peer-suspended");
  CHECK(stream.attach({{"resume", Json::object()}}).error.empty());
  witness.client.expect("peer-resumed");
}

TEST_CASE("persons: a poll by GET opens, and its session stays for the next request") {
  Site site;
  Witness witness(site);
  const auto answer = site.get("/v1/poll?room=r&name=bob");
  REQUIRE(answer.status == 200);
  const auto key = answer.body.at("welcome").at("key").get<std::string>();
  CHECK(answer.body.at("welcome").at("active") == true);
  CHECK(answer.body.at("events").at(0).at("type") == "login");
  witness.client.expect("peer-joined");
  witness.client.expect("ready");
  // Its connection is closed; the session waits (30 s) for somebody to quote the key.
  witness.client.say("hello");
  Json event = Json::object();
  int asked = 0;
  std::uint64_t ack = 0;
  while (event.value("type", "") != "hello") {
    REQUIRE(++asked < 10);
    const auto next = site.post("/v1/poll", {{"key", key}, {"ack", ack}});
    REQUIRE(next.status == 200);
    ack = next.body.at("first").get<std::uint64_t>() + next.body.at("events").size() - 1;
    for (const auto& told : next.body.at("events")) event = told;
  }
  CHECK(event.at("from") == witness.client.peer());
}

TEST_CASE("persons: what their stream was written counts as acknowledged") {
  Site site;
  Witness witness(site);
  SessionState session;
  SseCarrier stream(site, session, "default");
  stream.start_get("/v1/sse?room=r");
  REQUIRE(stream.finish_attach().error.empty());
  for (int i = 0; i < 20; ++i) witness.client.say("blob", std::string(10'000, 'x'));
  std::optional<Event> event;
  do {
    event = stream.event();
    REQUIRE(event);
  } while (event->number < 22);  // joined, ready, and the twenty
  witness.client.expect("peer-joined");
  witness.client.expect("ready");
  witness.client.acknowledge(witness.client.session.received);
  CHECK(site.metric("sigway_queued_bytes") == 0);
}
