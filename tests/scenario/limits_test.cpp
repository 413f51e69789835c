// Budgets and limits (docs/protocol.md, "Limits"): whoever meets one is told, and nobody else
// notices.
#include <doctest/doctest.h>

#include <thread>

#include "scenario/client.h"

using namespace sigway::testing;

namespace {

void say_to(Client& from, const Client& to, std::size_t size) {
  from.send({{"type", "blob"}, {"to", to.peer()}, {"data", std::string(size, 'x')}});
}

}  // namespace

TEST_CASE_TEMPLATE("limits: who does not keep up is closed as a slow consumer, never trimmed", T,
                   WebSocket, Sse, Poll) {
  Site site({"--outbox-limit", "64KiB"});
  Client slow(site, T::kTransport);
  slow.session.acknowledges = false;
  slow.open({{"room", "r"}, {"capacity", 4}});
  std::vector<std::unique_ptr<Client>> others;
  for (int i = 0; i < 3; ++i) {
    others.push_back(std::make_unique<Client>(site, T::kTransport));
    others.back()->open({{"room", "r"}});
    others.back()->expect("joined");
  }
  auto& witness = *others.front();
  // Three senders, none of which fills its half.
  for (auto& other : others) say_to(*other, slow, 25'000);
  Json event = Json::object();
  while (event.value("type", "") != "peer-left") event = witness.event();
  CHECK(event.at("peer") == slow.peer());
  CHECK(event.at("reason") == "closed");
  if (T::kTransport != Transport::poll) {
    const auto end = slow.carrier().end();
    CHECK(end.code == "slow_consumer");
    if (T::kTransport == Transport::websocket) CHECK(end.close_code == 4104);
  }
  CHECK(slow.try_resume({}).error == "gone");
  CHECK(site.metric("sigway_sessions_ended_total{reason=\"slow_consumer\"}") == 1);
}

TEST_CASE_TEMPLATE("limits: one sender may fill half of an outbox, then it hears busy", T,
                   WebSocket, Sse, Poll) {
  Site site({"--outbox-limit", "64KiB"});
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  b.session.acknowledges = false;
  b.open({{"room", "r"}, {"capacity", 3}});
  a.open({{"room", "r"}});
  a.expect("joined");
  c.open({{"room", "r"}});
  c.expect("joined");
  a.expect("peer-joined");
  a.expect("ready");
  say_to(a, b, 20'000);
  say_to(a, b, 20'000);
  const auto busy = a.expect("error");
  CHECK(busy.at("code") == "busy");
  CHECK(busy.at("re") == 2);
  // The receiver is untouched, and open to others.
  say_to(c, b, 10'000);
  b.session.acknowledges = true;
  std::string sizes;
  for (int blobs = 0; blobs < 2;) {
    const auto event = b.event();
    if (event.at("type") != "blob") continue;
    ++blobs;
    sizes += std::to_string(event.at("data").get<std::string>().size()) + " ";
  }
  CHECK(sizes == "20000 10000 ");
  b.acknowledge(b.heard());
  say_to(a, b, 20'000);
  b.expect("blob");
}

TEST_CASE_TEMPLATE("limits: beyond the memory budget the largest outbox closes", T, WebSocket, Sse,
                   Poll) {
  Site site({"--memory-budget", "1MiB", "--outbox-limit", "1MiB"});
  Client large(site, T::kTransport), small(site, T::kTransport);
  Client a(site, T::kTransport), a2(site, T::kTransport), b(site, T::kTransport);
  for (auto* client : {&large, &small}) client->session.acknowledges = false;
  large.open({{"room", "large"}, {"capacity", 3}});
  a.open({{"room", "large"}});
  a2.open({{"room", "large"}});
  small.open({{"room", "small"}});
  b.open({{"room", "small"}});
  const auto ended = [&] { return site.metric("sigway_sessions_ended_total{reason=\"memory\"}"); };
  // One message after the other: what is on its way between shards is bounded, too.
  const auto say_until_it_waits = [&](Client& from, const Client& to) {
    const auto waiting = [&] { return site.metric("sigway_memory_bytes{part=\"outbox\"}"); };
    const auto before = waiting();
    say_to(from, to, 60'000);
    const auto deadline = Clock::now() + kPatience;
    // Less than the message: what else waits may be acknowledged meanwhile.
    while (waiting() < before + 50'000 && ended() == 0) {
      REQUIRE(Clock::now() < deadline);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  // No sender fills half of an outbox, and none of the outboxes is full.
  for (int i = 0; i < 8; ++i) say_until_it_waits(a, large);
  for (int i = 0; i < 3; ++i) say_until_it_waits(a2, large);
  for (int i = 0; i < 3; ++i) say_until_it_waits(b, small);
  CHECK(site.metric("sigway_sessions") == 5);
  for (int i = 0; i < 4 && ended() == 0; ++i) say_until_it_waits(a2, large);
  Json event = Json::object();
  while (event.value("type", "") != "peer-left") event = a.event();
  CHECK(event.at("reason") == "closed");
  CHECK(large.try_resume({}).error == "gone");
  CHECK(ended() == 1);
  CHECK(site.metric("sigway_sessions") == 4);
  b.say("m");
  small.session.acknowledges = true;
  for (int i = 0; i < 6; ++i) small.event();  // created, peer-joined, ready and its three
  small.expect("m");
}

TEST_CASE_TEMPLATE("limits: sessions of one address are counted, and their end counts", T,
                   WebSocket, Sse, Poll) {
  Site site({"--max-sessions-per-address", "2"});
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  a.open();
  b.open();
  const auto refused = c.try_open(Json::object());
  CHECK(refused.error == "too_many_sessions");
  CHECK(refused.status == 429);
  CHECK(a.try_open(Json::object()).error.empty());  // the session that it has
  a.leave();
  const auto deadline = Clock::now() + kPatience;
  while (!c.try_open(Json::object()).error.empty()) {
    REQUIRE(Clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

TEST_CASE_TEMPLATE("limits: rooms, capacities and names have theirs", T, WebSocket, Sse, Poll) {
  Site site({"--max-rooms-per-session", "2", "--max-room-capacity", "5"});
  Client a(site, T::kTransport);
  a.open();
  const auto join = [&](const std::string& room, int capacity) {
    a.send({{"type", "join"}, {"room", room}, {"capacity", capacity}});
    const auto event = a.event();
    return event.at("type") == "error" ? event.at("code") : event.at("type");
  };
  CHECK(join("one", 5) == "created");
  CHECK(join("two", 6) == "bad_capacity");
  CHECK(join("two", 2) == "created");
  CHECK(join("three", 2) == "too_many_rooms");
  CHECK(join("one", 2) == "already_joined");
  a.say("which");
  CHECK(a.expect("error").at("code") == "bad_request");  // in several rooms, none said
}
