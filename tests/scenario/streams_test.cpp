// What is the matter of one transport alone: WebSocket heartbeats, event streams, tickets, polls'
// copies (docs/protocol.md, "WebSocket", "Server-Sent Events", "Long-polling").
#include <doctest/doctest.h>

#include "scenario/client.h"
#include "scenario/http_reply.h"
#include "scenario/sse_carrier.h"

using namespace sigway::testing;
using std::chrono::milliseconds;

namespace {

Json resume() { return {{"resume", Json::object()}}; }

// A poll on a wire of its own, so that several may be parked.
struct Parked {
  Parked(Site& site, const Json& request) : wire(site.connect()) {
    wire->write(http_request("POST", "/v1/poll", request.dump()));
  }
  Json answer() {
    while (reply.read(*wire, Clock::now() + kPatience)) {
    }
    REQUIRE(reply.state() == HttpReply::State::complete);
    return Json::parse(reply.body());
  }
  bool is_answered() {
    reply.read(*wire, Clock::now());
    return reply.state() == HttpReply::State::complete;
  }
  std::unique_ptr<Wire> wire;
  HttpReply reply;
};

}  // namespace

TEST_CASE("websocket: a dead peer is found within two intervals") {
  constexpr milliseconds kInterval{2000};
  Site site({"--ping-interval", "2s", "--suspend-after", "1ms"});
  Client a(site, Transport::poll), dead(site, Transport::websocket);
  a.open({{"room", "r"}});
  a.expect("created");
  dead.session.heartbeat_answers = 0;
  dead.open({{"room", "r"}});
  const auto last_heard = Clock::now();
  a.expect("peer-joined");
  a.expect("ready");
  a.expect("peer-suspended");
  CHECK(Clock::now() - last_heard >= kInterval);
  // Two intervals, and what a busy machine adds.
  CHECK(Clock::now() - last_heard < 2 * kInterval + kPatience);
  const auto end = dead.carrier().end();
  CHECK(end.code == "silent");
  CHECK(end.close_code == 4004);
  // The session lives, and the carrier may be attached again.
  CHECK(dead.carrier().attach(resume()).error.empty());
  a.expect("peer-resumed");
}

TEST_CASE("websocket: a peer that answers pings lives on") {
  Site site({"--ping-interval", "2s", "--suspend-after", "1ms"});
  Client a(site, Transport::websocket);
  a.open({{"room", "r"}});
  a.expect("created");
  for (int i = 0; i < 3; ++i) CHECK(a.carrier().control("heartbeat").at("next") == 2);
  CHECK(!a.carrier().has_ended());
}

TEST_CASE("sse: streaming is proved causally") {
  Site site;
  Client a(site, Transport::sse);
  REQUIRE(a.try_open({{"room", "r"}}, {{"pad", 4096}}).error.empty());
  auto& stream = dynamic_cast<SseCarrier&>(a.carrier());
  CHECK(stream.reply().header("content-type") == "text/event-stream");
  CHECK(stream.reply().header("cache-control").find("no-store") != std::string::npos);
  CHECK(stream.reply().header("x-accel-buffering") == "no");
  CHECK(stream.control("hello").at("hello") == 1);
  // Hello 2 is written because of the upload, and not before: an event that comes first proves it.
  a.expect("created");
  a.say("m");
  a.expect("error");
  a.ask({{"carrier", stream.name}, {"hello", 1}});
  a.say("m");
  const auto second = stream.control("hello");
  CHECK(second.at("hello") == 2);
  a.expect("error");
  CHECK(stream.comments().size() >= 4096);
  a.ask({{"carrier", stream.name}, {"hello", 2}});
  CHECK(stream.control("hello").at("hello") == 3);
}

TEST_CASE("sse: whatever is written is padded, if the client asked for it") {
  Site site;
  Client a(site, Transport::sse);
  REQUIRE(a.try_open({{"room", "r"}}, {{"pad", 2000}}).error.empty());
  auto& stream = dynamic_cast<SseCarrier&>(a.carrier());
  a.expect("created");
  const auto before = stream.comments().size();
  for (int i = 0; i < 2; ++i) {
    a.say("m");
    a.expect("error");
  }
  // What follows the first of the two came before the second.
  CHECK(stream.comments().size() >= before + 2000);
}

TEST_CASE("sse: the stream ends itself by time and resumes by cursor") {
  Site site({"--stream-max-age", "2s"});
  Client a(site, Transport::sse), b(site, Transport::poll);
  b.open({{"room", "r"}});
  a.open({{"room", "r"}});
  a.expect("joined");
  a.expect("ready");
  for (int i = 0; i < 3; ++i) {
    CHECK(a.carrier().end().code == "stream_limit");
    b.say("m", i);
    const auto answer = a.carrier().attach({{"resume", Json::object()}, {"ack", a.heard()}});
    REQUIRE(answer.error.empty());
    CHECK(answer.body.at("active") == true);
    CHECK(answer.body.at("next") == a.heard() + 1);
    CHECK(a.expect("m").at("data") == i);
  }
}

TEST_CASE("sse: the stream ends itself by size and resumes by cursor") {
  Site site({"--stream-max-bytes", "10000"});
  Client a(site, Transport::sse), b(site, Transport::poll);
  a.open({{"room", "r"}});
  a.expect("created");
  b.open({{"room", "r"}});
  a.expect("peer-joined");
  a.expect("ready");
  int ends = 0;
  for (int i = 0; i < 10; ++i) {
    b.say("m", std::to_string(i) + std::string(3000, 'x'));
    auto event = a.carrier().event();
    if (!event) {
      CHECK(a.carrier().end().code == "stream_limit");
      ++ends;
      REQUIRE(a.carrier()
                  .attach({{"resume", Json::object()}, {"ack", a.session.received}})
                  .error.empty());
      event = a.carrier().event();
    }
    REQUIRE(event);
    CHECK(event->number == 4 + static_cast<std::uint64_t>(i));
    CHECK(event->body.at("data").get<std::string>().starts_with(std::to_string(i)));
  }
  CHECK(ends >= 2);
}

TEST_CASE("sse: a client that uploads nothing for three intervals is silent") {
  Site site({"--ping-interval", "2s"});
  Client a(site, Transport::sse);
  a.open({{"room", "r"}});
  // As long as it uploads something at each heartbeat it lives.
  Clock::time_point last;  // the server hears of it later
  for (int i = 0; i < 3; ++i) {
    a.carrier().control("heartbeat");
    last = Clock::now();
    CHECK(a.acknowledge(a.session.received).error.empty());
  }
  CHECK(!a.carrier().has_ended());
  CHECK(a.carrier().end().code == "silent");
  CHECK(Clock::now() - last >= milliseconds(3900));
  CHECK(a.carrier().attach(resume()).error.empty());
}

TEST_CASE("sse: both copies of a stream run") {
  Site site;
  Client a(site, Transport::sse), b(site, Transport::poll);
  a.open({{"room", "r"}});
  a.expect("created");
  auto copy = a.another(Transport::sse, a.carrier().name);
  REQUIRE(copy->attach({{"resume", Json::object()}, {"ack", 0}}).error.empty());
  b.open({{"room", "r"}});
  b.expect("joined");
  b.say("m");
  for (const auto* type : {"created", "peer-joined", "ready", "m"}) {
    const auto event = copy->event();
    REQUIRE(event);
    CHECK(event->body.at("type") == type);
  }
  for (const auto* type : {"peer-joined", "ready", "m"}) a.expect(type);
}

TEST_CASE("sse: a ticket receives on its carrier, as often as it is used, and does nothing else") {
  Site site;
  Client a(site, Transport::poll), b(site, Transport::poll);
  a.open({{"room", "r"}});
  a.expect("created");
  const auto answer = site.post("/v1/sse", {{"key", a.session.key},
                                            {"resume", Json::object()},
                                            {"carrier", "es"},
                                            {"ticket", true},
                                            {"turn", a.next_turn()}});
  REQUIRE(answer.status == 200);
  const auto ticket = answer.body.at("ticket").get<std::string>();
  CHECK(ticket.find(a.session.key) == std::string::npos);
  CHECK(a.carrier().end().code == "moved");

  const auto stream = [&](const std::string& headers) {
    auto carrier = std::make_unique<SseCarrier>(site, a.session, "es");
    carrier->start_get("/v1/sse?ticket=" + ticket, headers);
    CHECK(carrier->finish_attach().body.at("active") == true);
    return carrier;
  };
  auto first = stream({});
  b.open({{"room", "r"}});
  auto event = first->event();
  REQUIRE(event);
  while (event && event->body.at("type") != "ready") event = first->event();
  REQUIRE(event);
  const auto last = event->number;
  first->cut();
  // An EventSource comes back by itself and says where it was.
  auto second = stream("Last-Event-ID: " + std::to_string(last - 1) + "\r\n");
  event = second->event();
  REQUIRE(event);
  CHECK(event->number == last);

  // It is no key.
  const auto as_key = site.post("/v1/send", {{"key", ticket}, {"type", "m"}});
  CHECK(as_key.status >= 400);
  b.say("m");
  event = second->event();
  REQUIRE(event);
  CHECK(event->body.at("type") == "m");

  // With its carrier the ticket ends: 204, which stops an EventSource.
  a.resume();
  CHECK(second->end().code == "moved");
  CHECK(site.get("/v1/sse?ticket=" + ticket).status == 204);
  CHECK(site.get("/v1/sse?ticket=nonsense").status == 204);
}

TEST_CASE("poll: copies get the same answer, four at the most") {
  Site site;
  Client a(site, Transport::poll), b(site, Transport::poll);
  a.open({{"room", "r"}});
  a.expect("created");
  Json poll{{"key", a.session.key}, {"carrier", "c1"}, {"n", 50}, {"ack", 1}};
  std::vector<std::unique_ptr<Parked>> copies;
  for (int i = 0; i < 5; ++i) copies.push_back(std::make_unique<Parked>(site, poll));
  // Which is the fifth, the network says.
  const auto deadline = Clock::now() + kPatience;
  int answered = 0;
  while (answered == 0) {
    REQUIRE(Clock::now() < deadline);
    for (auto& copy : copies) answered += copy->is_answered() ? 1 : 0;
  }
  CHECK(answered == 1);
  b.open({{"room", "r"}});
  int empty = 0;
  for (auto& copy : copies) {
    const auto answer = copy->answer();
    if (answer.at("events").empty()) {
      ++empty;
    } else {
      CHECK(answer.at("first") == 2);
      CHECK(answer.at("events").at(0).at("type") == "peer-joined");
    }
  }
  CHECK(empty == 1);
  // A late copy of an answered poll: the same answer.
  const auto late = Parked(site, poll).answer();
  CHECK(late.at("first") == 2);
  CHECK(late.at("events").at(0).at("type") == "peer-joined");
}

TEST_CASE("poll: a newer one replaces the parked, an older one gets an empty answer") {
  Site site;
  Client a(site, Transport::poll), b(site, Transport::poll);
  a.open({{"room", "r"}});
  a.expect("created");
  Json poll{{"key", a.session.key}, {"carrier", "c1"}, {"n", 50}, {"ack", 1}};
  Parked parked(site, poll);
  poll["n"] = 49;
  // Until 50 has come, 49 is no older one: it is parked and replaced.
  CHECK(Parked(site, poll).answer().at("events").empty());
  poll["n"] = 51;
  Parked newer(site, poll);
  CHECK(parked.answer().at("events").empty());
  poll["n"] = 50;
  CHECK(Parked(site, poll).answer().at("events").empty());
  b.open({{"room", "r"}});
  CHECK(newer.answer().at("events").at(0).at("type") == "peer-joined");
}

TEST_CASE("poll: held as long as the client asks, and the server's time at the most") {
  Site site({"--poll-hold", "800ms"});
  Client a(site, Transport::poll);
  a.open();
  Json poll{{"key", a.session.key}, {"carrier", "c1"}, {"ack", 0}};
  for (const auto& [wait, least] :
       {std::pair{0, 0}, std::pair{300, 250}, std::pair{300'000, 700}}) {
    poll["wait"] = wait;
    poll["n"] = 100 + wait;
    const auto began = Clock::now();
    CHECK(Parked(site, poll).answer().at("events").empty());
    CHECK(Clock::now() - began >= milliseconds(least));
    CHECK(Clock::now() - began < kPatience);
  }
}

TEST_CASE("poll: a proxy that knows only HTTP/1.0 can complete it") {
  Site site;
  Client a(site, Transport::poll);
  const auto body =
      Json{{"key", a.session.key}, {"open", {{"room", "r"}}}, {"carrier", "c1"}, {"n", 1}}.dump();
  auto wire = site.connect();
  wire->write("POST /v1/poll HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n" + body);
  HttpReply reply;
  while (reply.read(*wire, Clock::now() + kPatience)) {
  }
  CHECK(reply.state() == HttpReply::State::complete);
  CHECK(reply.header("content-length") == std::to_string(reply.body().size()));
  CHECK(reply.header("transfer-encoding").empty());
  CHECK(Json::parse(reply.body()).contains("welcome"));
}
