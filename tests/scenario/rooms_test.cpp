// Rooms, messages and their order (docs/protocol.md, "Rooms", "Up: messages", "Order").
#include <doctest/doctest.h>

#include <map>
#include <set>
#include <thread>

#include "scenario/client.h"

using namespace sigway::testing;

TEST_CASE_TEMPLATE("rooms: created, joined with the roster, ready, full", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  const auto welcome = a.open({{"room", "foo"}, {"name", "alice"}});
  CHECK(a.expect("login").at("name") == "alice");
  const auto created = a.expect("created");
  CHECK(created.at("room") == "foo");
  CHECK(created.at("peer") == welcome.at("peer"));
  CHECK(created.at("join") == 1);
  CHECK(created.at("capacity") == 2);
  CHECK(!created.contains("re"));

  b.open({{"room", "foo"}});
  const auto joined = b.expect("joined");
  CHECK(joined.at("join") == 2);
  REQUIRE(joined.at("members").size() == 1);
  const auto member = joined.at("members").at(0);
  CHECK(member.at("peer") == a.peer());
  CHECK(member.at("name") == "alice");
  CHECK(member.at("polite") == true);
  CHECK(member.at("suspended") == false);
  CHECK(b.expect("ready").at("room") == "foo");

  const auto came = a.expect("peer-joined");
  CHECK(came.at("peer") == b.peer());
  CHECK(came.at("join") == 2);
  CHECK(came.at("polite") == false);
  a.expect("ready");

  c.open();
  const auto n = c.send({{"type", "join"}, {"room", "foo"}});
  const auto full = event_while_alive(c, {&a, &b});
  CHECK(full.at("type") == "full");
  CHECK(full.at("capacity") == 2);
  CHECK(full.at("re") == n);
}

TEST_CASE_TEMPLATE("rooms: politeness is stated for each pair, join numbers are never used twice",
                   T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  a.open({{"room", "many"}, {"capacity", 3}});
  a.expect("created");
  b.open({{"room", "many"}});
  b.expect("joined");
  a.expect("peer-joined");
  c.open({{"room", "many"}});
  const auto members = c.expect("joined").at("members");
  REQUIRE(members.size() == 2);
  CHECK(members.at(0).at("join") == 1);
  CHECK(members.at(1).at("join") == 2);
  CHECK(members.at(0).at("polite") == true);
  CHECK(members.at(1).at("polite") == true);
  c.expect("ready");
  CHECK(a.expect("peer-joined").at("polite") == false);
  CHECK(b.expect("peer-joined").at("polite") == false);
  a.expect("ready");
  b.expect("ready");

  const auto n = c.send({{"type", "leave"}, {"room", "many"}});
  const auto left = c.expect("left");
  CHECK(left.at("re") == n);
  const auto gone = a.expect("peer-left");
  CHECK(gone.at("peer") == c.peer());
  CHECK(gone.at("reason") == "left");
  c.send({{"type", "join"}, {"room", "many"}});
  const auto again = c.expect("joined");
  CHECK(again.at("join") == 4);
  CHECK(again.at("re") == c.sent());
}

TEST_CASE_TEMPLATE("rooms: a session that leaves is gone from its rooms, which go with the last", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"room", "r"}});
  a.expect("created");
  b.open({{"room", "r"}});
  b.expect("joined");
  b.expect("ready");
  a.expect("peer-joined");
  a.expect("ready");
  a.leave();
  CHECK(a.carrier().end().code == "left");
  const auto gone = b.expect("peer-left");
  CHECK(gone.at("peer") == a.peer());
  CHECK(gone.at("reason") == "left");
  b.leave();
  CHECK(b.carrier().end().code == "left");
  Client c(site, T::kTransport);
  c.open({{"room", "r"}});
  CHECK(c.expect("created").at("join") == 1);
  CHECK(site.metric("sigway_sessions") == 1);
}

TEST_CASE_TEMPLATE("messages: to the room, to a peer, to several", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  a.open({{"room", "m"}, {"capacity", 3}, {"name", "alice"}});
  a.expect("login");
  a.expect("created");
  b.open({{"room", "m"}});
  b.expect("joined");
  c.open({{"room", "m"}});
  c.expect("joined");
  c.expect("ready");
  b.expect("peer-joined");
  b.expect("ready");

  a.say("offer", {{"sdp", "v=0"}});
  for (auto* other : {&b, &c}) {
    const auto offer = other->expect("offer");
    CHECK(offer.at("from") == a.peer());
    CHECK(offer.at("name") == "alice");
    CHECK(offer.at("room") == "m");
    CHECK(offer.at("data") == Json{{"sdp", "v=0"}});
  }
  a.send({{"type", "candidate"}, {"to", b.peer()}, {"data", 1}});
  a.send({{"type", "candidate"},
          {"to", Json::array({c.peer(), "not-here", b.peer()})},
          {"data", Json::array({2, 3})}});
  a.say("bye");
  CHECK(b.expect("candidate").at("data") == 1);
  CHECK(b.expect("candidate").at("data") == Json::array({2, 3}));
  b.expect("bye");
  CHECK(c.expect("candidate").at("data") == Json::array({2, 3}));
  c.expect("bye");

  a.expect("peer-joined");
  a.expect("peer-joined");
  a.expect("ready");
  const auto refused = a.expect("error");
  CHECK(refused.at("code") == "no_such_peer");
  CHECK(refused.at("to") == "not-here");
  CHECK(refused.at("re") == 3);
}

TEST_CASE_TEMPLATE("messages: offer, answer and candidates pass unchanged, one by one, in order", T,
                   WebSocket, Sse, Poll) {
  Site site;
  for (const auto other : kTransports) {
    Client a(site, T::kTransport), b(site, other);
    const auto room = "pair-" + std::to_string(static_cast<int>(other));
    a.open({{"room", room}});
    a.expect("created");
    b.open({{"room", room}});
    b.expect("joined");
    b.expect("ready");
    a.expect("peer-joined");
    a.expect("ready");
    const std::string sdp = "v=0\r\no=- 1 \xC3\xA9\xF0\x9F\x98\x80\t\"\\\u0000\x7F";
    a.say("offer", {{"sdp", sdp}});
    CHECK(b.expect("offer").at("data").at("sdp") == sdp);
    b.say("answer", {{"sdp", sdp}});
    CHECK(a.expect("answer").at("data").at("sdp") == sdp);
    for (int i = 0; i < 5; ++i) a.say("candidate", i);
    a.say("candidate", Json::array({5, 6}));
    for (int i = 0; i < 5; ++i) CHECK(b.expect("candidate").at("data") == i);
    CHECK(b.expect("candidate").at("data") == Json::array({5, 6}));
  }
}

TEST_CASE_TEMPLATE("messages: the largest payload passes", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"room", "large"}});
  b.open({{"room", "large"}});
  b.expect("joined");
  b.expect("ready");
  const std::string data(65534, 'x');  // and its quotes
  a.say("blob", data);
  CHECK(b.expect("blob").at("data") == data);
}

TEST_CASE_TEMPLATE("order: one for all members, messages to one and room events included", T,
                   WebSocket, Sse, Poll) {
  Site site;
  constexpr int kMembers = 4;
  constexpr int kRounds = 20;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < kMembers; ++i) {
    // Opened without the room, so that on several shards they are at home in different places.
    clients.push_back(std::make_unique<Client>(site, T::kTransport));
    clients.back()->open();
    clients.back()->send({{"type", "join"}, {"room", "order"}, {"capacity", kMembers + 1}});
    CHECK(clients.back()->event().at("re") == 1);
  }
  for (int i = 0; i < kMembers; ++i) {
    for (int later = i + 1; later < kMembers; ++later) clients[i]->expect("peer-joined");
  }
  std::vector<std::thread> threads;
  for (int i = 0; i < kMembers; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < kRounds; ++round) {
        const int other = (i + 1 + round % (kMembers - 1)) % kMembers;
        Json message{{"type", "m"}, {"data", std::to_string(i) + "/" + std::to_string(round)}};
        if (round % 3 == 0) message["to"] = clients[other]->peer();
        clients[i]->send(std::move(message));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  Client late(site, T::kTransport);
  late.open({{"room", "order"}});
  late.expect("joined");

  std::vector<std::vector<std::string>> heard(kMembers);
  for (int i = 0; i < kMembers; ++i) {
    for (;;) {
      const auto event = clients[i]->event();
      if (event.at("type") == "peer-joined") break;  // behind everything that was said before
      REQUIRE(event.at("type") == "m");
      heard[i].push_back(event.at("data"));
    }
    // Two of three rounds from each of the others, and what was for this member alone.
    CHECK(heard[i].size() >= (kMembers - 1) * (kRounds - (kRounds + 2) / 3));
  }
  for (int i = 0; i < kMembers; ++i) {
    for (int j = i + 1; j < kMembers; ++j) {
      // What both have heard, they have heard in the same order.
      const std::set<std::string> of_i(heard[i].begin(), heard[i].end());
      const std::set<std::string> of_j(heard[j].begin(), heard[j].end());
      std::vector<std::string> common_i, common_j;
      for (const auto& text : heard[i]) {
        if (of_j.contains(text)) common_i.push_back(text);
      }
      for (const auto& text : heard[j]) {
        if (of_i.contains(text)) common_j.push_back(text);
      }
      CHECK(common_i == common_j);
      CHECK(!common_i.empty());
    }
    // Each sender's messages come in the order in which it numbered them.
    std::map<std::string, int> last;
    for (const auto& text : heard[i]) {
      const auto slash = text.find('/');
      const int round = std::stoi(text.substr(slash + 1));
      auto& before = last.try_emplace(text.substr(0, slash), -1).first->second;
      CHECK(before < round);
      before = round;
    }
  }
}
