// Presence, places, reloads (docs/protocol.md, "Presence", "Rooms", "Opening and resuming").
#include <doctest/doctest.h>

#include <thread>

#include "scenario/client.h"

using namespace sigway::testing;
using std::chrono::milliseconds;

namespace {

// Two members of a room for two, who have heard of each other.
struct Pair {
  Pair(Site& site, Transport transport, const Json& contents = {{"room", "pair"}})
      : a(site, transport), b(site, transport) {
    a.open({{"room", "pair"}});
    a.expect("created");
    b.open(contents);
    if (contents.contains("name")) b.expect("login");
    b.expect("joined");
    b.expect("ready");
    a.expect("peer-joined");
    a.expect("ready");
  }
  Client a, b;
};

/// The next event, which is `type`. What somebody sent before it went away may reach the server
/// after that: then it is back for a moment.
Json expect_of_absent(Client& client, const std::string& type) {
  auto event = client.event();
  while (event.at("type") == "peer-resumed") {
    client.expect("peer-suspended");
    event = client.event();
  }
  CHECK(event.at("type") == type);
  return event;
}

}  // namespace

TEST_CASE_TEMPLATE("presence: suspended after a while without a carrier, resumed when it is back",
                   T, WebSocket, Sse, Poll) {
  Site site({"--suspend-after", "3s"});
  const auto before = Clock::now();
  Pair pair(site, T::kTransport);
  pair.b.vanish();
  const auto suspended = pair.a.expect("peer-suspended");
  CHECK(Clock::now() - before >= milliseconds(2900));
  CHECK(suspended.at("peer") == pair.b.peer());
  for (const auto transport : kTransports) {
    pair.b.resume(transport);
    CHECK(pair.a.expect("peer-resumed").at("peer") == pair.b.peer());
    pair.b.go_away();  // by time once is enough
    pair.b.vanish();
    CHECK(pair.a.expect("peer-suspended").at("peer") == pair.b.peer());
  }
}

TEST_CASE_TEMPLATE("presence: who stays away has left by timeout, and its key is gone", T,
                   WebSocket, Sse, Poll) {
  Site site({"--resume-window", "3s"});
  const auto before = Clock::now();
  Pair pair(site, T::kTransport);
  pair.b.go_away();  // it is suspended at once
  pair.b.vanish();
  pair.a.expect("peer-suspended");
  const auto left = expect_of_absent(pair.a, "peer-left");
  CHECK(Clock::now() - before >= milliseconds(2900));
  CHECK(left.at("reason") == "timeout");
  CHECK(left.at("peer") == pair.b.peer());
  CHECK(pair.b.try_resume({}).error == "gone");
  CHECK(site.metric("sigway_sessions_ended_total{reason=\"timeout\"}") == 1);
}

TEST_CASE("presence: a gap between polls is no absence") {
  Site site({"--suspend-after", "3s"});
  Pair pair(site, Transport::poll);
  pair.b.vanish();
  Site::Uploader uploader(site);
  const auto until = Clock::now() + milliseconds(5000);
  for (int n = 100; Clock::now() < until; ++n) {
    const Json poll{
        {"key", pair.b.session.key}, {"carrier", "c1"}, {"n", n}, {"ack", 2}, {"wait", 100}};
    CHECK(uploader.post("/v1/poll", poll.dump()).status == 200);
    std::this_thread::sleep_for(milliseconds(50));
  }
  pair.b.say("still-there");
  pair.a.expect("still-there");  // and nothing before it
}

TEST_CASE_TEMPLATE("presence: away suspends at once, and the next sign of life resumes", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  pair.b.go_away();
  pair.a.expect("peer-suspended");
  pair.b.vanish();
  pair.b.resume();
  pair.a.expect("peer-resumed");
}

TEST_CASE_TEMPLATE("presence: a reload replaces its old session in one step", T, WebSocket, Sse,
                   Poll) {
  Site site;
  Pair pair(site, T::kTransport, {{"room", "pair"}, {"name", "bob"}});
  const auto old_peer = pair.b.peer();
  Client fresh(site, T::kTransport);
  fresh.open({{"room", "pair"}, {"name", "bob"}, {"replaces", pair.b.session.key}});
  CHECK(fresh.expect("login").at("name") == "bob");
  const auto joined = fresh.expect("joined");
  CHECK(joined.at("join") == 3);
  CHECK(joined.at("members").size() == 1);
  fresh.expect("ready");

  const auto left = pair.a.expect("peer-left");
  CHECK(left.at("peer") == old_peer);
  CHECK(left.at("reason") == "replaced");
  const auto came = pair.a.expect("peer-joined");
  CHECK(came.at("peer") == fresh.peer());
  CHECK(came.at("name") == "bob");
  pair.a.expect("ready");
  CHECK(pair.b.carrier().end().code == "replaced");
  CHECK(pair.b.try_resume({}).error == "gone");
  pair.a.send({{"type", "hello"}, {"to", "@bob"}});
  CHECK(fresh.expect("hello").at("from") == pair.a.peer());

  // The same open again is no other session; it still says the same.
  CHECK(fresh
            .try_open({{"room", "pair"}, {"name", "bob"}, {"replaces", pair.b.session.key}},
                      {{"ack", fresh.session.received}})
            .error.empty());
  CHECK(site.metric("sigway_sessions") == 2);
}

TEST_CASE_TEMPLATE("presence: an old key that is not known or has ended is no error", T, WebSocket,
                   Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"room", "r"}, {"replaces", new_key()}});
  a.expect("created");
  a.leave();
  CHECK(a.carrier().end().code == "left");
  b.open({{"room", "r"}, {"replaces", a.session.key}});
  b.expect("created");
  Client own(site, T::kTransport);
  CHECK(own.try_open({{"replaces", own.session.key}}).error == "bad_request");
}

TEST_CASE_TEMPLATE("places: a ghost's place goes to whoever asks, and the ghost hears of it", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), ghost(site, T::kTransport), c(site, T::kTransport);
  a.open({{"room", "haunted"}});
  a.expect("created");
  ghost.open({{"room", "haunted"}});
  ghost.expect("joined");
  ghost.expect("ready");
  a.expect("peer-joined");
  a.expect("ready");
  ghost.go_away();
  ghost.vanish();
  a.expect("peer-suspended");

  c.open({{"room", "haunted"}});
  CHECK(c.expect("joined").at("members").size() == 1);
  c.expect("ready");
  const auto left = a.expect("peer-left");
  CHECK(left.at("peer") == ghost.peer());
  CHECK(left.at("reason") == "place-lost");
  CHECK(a.expect("peer-joined").at("peer") == c.peer());
  a.expect("ready");

  ghost.resume();
  CHECK(ghost.expect("place-lost").at("room") == "haunted");
  ghost.say("m");
  CHECK(ghost.expect("error").at("code") == "no_room");
  a.say("m");
  c.expect("m");
}

TEST_CASE_TEMPLATE("places: members are probed before a room is called full", T, WebSocket, Sse,
                   Poll) {
  Site site({"--probe-timeout", "8s"});
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  a.open({{"room", "r"}});
  a.expect("created");
  const auto begun = Clock::now();  // before b's last word
  b.open({{"room", "r"}});
  b.expect("joined");
  b.expect("ready");
  a.expect("peer-joined");
  a.expect("ready");

  // A sign of life in the last moment answers for itself; a probe needs some silence.
  std::this_thread::sleep_for(milliseconds(300));
  // Everybody answers: full, and nobody has lost a place.
  c.open();
  c.send({{"type", "join"}, {"room", "r"}});
  CHECK(event_while_alive(c, {&a, &b}).at("type") == "full");
  // One is attached and does not answer any more: its place is given away.
  b.session.heartbeat_answers = 0;
  std::string answer = "full";
  for (const auto deadline = Clock::now() + kPatience;
       answer == "full" && Clock::now() < deadline;) {
    c.send({{"type", "join"}, {"room", "r"}});
    answer = event_while_alive(c, {&a}).at("type");
    std::this_thread::sleep_for(milliseconds(50));
  }
  CHECK(answer == "joined");
  CHECK(Clock::now() - begun >= milliseconds(7900));
  const auto left = a.expect("peer-left");
  CHECK(left.at("peer") == b.peer());
  CHECK(left.at("reason") == "place-lost");
}
