// Carriers: attach, activation, standby, the moved, the ended (docs/protocol.md, "Carriers").
#include <doctest/doctest.h>

#include <vector>

#include "scenario/client.h"

using namespace sigway::testing;

namespace {

Json resume() { return {{"resume", Json::object()}}; }

// Another member, to say something to the first.
struct Speaker {
  Speaker(Site& site, const std::string& room) : client(site, Transport::poll) {
    client.open({{"room", room}});
    client.expect("joined");
  }
  Client client;
};

}  // namespace

TEST_CASE_TEMPLATE("carriers: until the first activation each gets every event", T, WebSocket, Sse,
                   Poll) {
  Site site;
  for (const auto other : kTransports) {
    const auto room = "race-" + std::to_string(static_cast<int>(other));
    Client a(site, T::kTransport);
    a.session.acknowledges = false;
    CHECK(a.try_open({{"room", room}}).body.at("active") == false);
    auto second = a.another(other), third = a.another(other);
    CHECK(second->attach({{"open", {{"room", room}}}}).error.empty());
    CHECK(third->attach(resume()).error.empty());
    Speaker speaker(site, room);
    for (auto* carrier : {&a.carrier(), second.get(), third.get()}) {
      std::uint64_t number = 0;
      for (const auto* type : {"created", "peer-joined", "ready"}) {
        auto event = carrier->event();
        while (event && event->number <= number) event = carrier->event();  // told again to a poll
        REQUIRE(event);
        CHECK(event->number == ++number);
        CHECK(event->body.at("type") == type);
      }
    }
  }
}

TEST_CASE_TEMPLATE("carriers: three at the most, and the active one", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  a.open();
  std::vector<std::unique_ptr<Carrier>> carriers;
  for (const auto transport : kTransports) {
    carriers.push_back(a.another(transport));
    CHECK(carriers.back()->attach(resume()).error.empty());
    carriers.back()->arrive();
  }
  auto fifth = a.another();
  const auto refused = fifth->attach(resume());
  CHECK(refused.error == "too_many_carriers");
  CHECK(refused.status == 409);
  // One that was cut makes place.
  carriers.front()->cut();
  const auto deadline = Clock::now() + kPatience;
  while (!fifth->attach(resume()).error.empty()) REQUIRE(Clock::now() < deadline);
}

TEST_CASE_TEMPLATE("carriers: activation makes one the only one, and ends the one before as moved",
                   T, WebSocket, Sse, Poll) {
  Site site;
  for (const auto other : kTransports) {
    const auto room = "move-" + std::to_string(static_cast<int>(other));
    Client a(site, T::kTransport);
    a.open({{"room", room}});
    a.expect("created");
    Speaker speaker(site, room);
    a.expect("peer-joined");
    a.expect("ready");

    auto next = a.another(other);
    const auto welcome = next->attach({{"resume", Json::object()}, {"ack", a.session.received}});
    CHECK(welcome.body.at("active") == false);
    CHECK(welcome.body.at("turn") == 1);
    speaker.client.say("before");
    a.expect("before");
    // A turn that is not higher than any seen does nothing.
    CHECK(next->activate(1).at("control") == "standby");
    speaker.client.say("still-before");
    a.expect("still-before");

    const auto activated = next->activate(2);
    CHECK(activated.at("control") == "activated");
    CHECK(activated.at("turn") == 2);
    CHECK(activated.at("next") == a.session.received + 1);
    const auto moved = a.carrier().end();
    CHECK(moved.code == "moved");
    if (T::kTransport == Transport::websocket) CHECK(moved.close_code == 4001);
    CHECK(!a.carrier().event(std::chrono::milliseconds(0)));

    // It is not attached again.
    const auto again = a.carrier().attach({{"resume", Json::object()}, {"turn", 9}});
    CHECK(again.status == 204);
    if (T::kTransport != Transport::sse) CHECK(again.error == "moved");
    a.listen_to(std::move(next));
    speaker.client.say("after");
    a.expect("after");
  }
}

TEST_CASE_TEMPLATE("carriers: a session moves between transports and nothing is lost or repeated",
                   T, WebSocket, Sse, Poll) {
  Site site;
  for (const auto other : kTransports) {
    const auto room = "switch-" + std::to_string(static_cast<int>(other));
    Client a(site, T::kTransport);
    a.open({{"room", room}});
    a.expect("created");
    Speaker speaker(site, room);
    int said = 0;
    for (const bool back : {false, true}) {
      speaker.client.say("m", said++);
      // Said while the old carrier is cut, too.
      if (back) a.vanish();
      speaker.client.say("m", said++);
      a.resume(back ? T::kTransport : other);
      speaker.client.say("m", said++);
      a.send({{"type", "m"}, {"data", back}});
    }
    a.expect("peer-joined");
    a.expect("ready");
    for (int i = 0; i < said; ++i) CHECK(a.expect("m").at("data") == i);
    speaker.client.expect("ready");
    CHECK(speaker.client.expect("m").at("data") == false);
    CHECK(speaker.client.expect("m").at("data") == true);
  }
}

TEST_CASE_TEMPLATE("carriers: standing by means no events, and an end unless activated", T,
                   WebSocket, Sse, Poll) {
  Site site({"--standby-timeout", "500ms"});
  Client a(site, Transport::poll);
  a.open({{"room", "r"}});
  a.expect("created");
  auto standby = a.another(T::kTransport);
  CHECK(standby->attach(resume()).body.at("active") == false);
  Speaker speaker(site, "r");
  speaker.client.say("m");
  const auto end = standby->end();
  CHECK(end.code == "standby_timeout");
  if (T::kTransport == Transport::websocket) CHECK(end.close_code == 4002);
  CHECK(!standby->event(std::chrono::milliseconds(0)));
  CHECK(standby->attach(resume()).status == 204);
  a.expect("peer-joined");
  a.expect("ready");
  a.expect("m");
}

TEST_CASE_TEMPLATE("carriers: one that was cut may be attached again under its name", T, WebSocket,
                   Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  a.open({{"room", "r"}});
  a.expect("created");
  Speaker speaker(site, "r");
  a.expect("peer-joined");
  for (int i = 0; i < 3; ++i) {
    a.vanish();
    speaker.client.say("m", i);
    const auto answer = a.carrier().attach({{"resume", Json::object()}, {"ack", a.heard()}});
    REQUIRE(answer.error.empty());
    CHECK(answer.body.at("active") == true);  // it still is: activation is the carrier's, by name
    if (i == 0) a.expect("ready");
    CHECK(a.expect("m").at("data") == i);
  }
}

TEST_CASE_TEMPLATE("carriers: messages are taken on any of them", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  a.open({{"room", "r"}});
  a.expect("created");
  Speaker speaker(site, "r");
  std::uint64_t n = 0;
  for (const auto transport : kTransports) {
    auto standby = a.another(transport);
    CHECK(standby->attach(resume()).error.empty());
    ++n;
    CHECK(standby->ask({{"messages", {{{"n", n}, {"type", "m"}, {"data", n}}}}}).up == n);
  }
  speaker.client.expect("ready");
  for (std::uint64_t i = 1; i <= n; ++i) CHECK(speaker.client.expect("m").at("data") == i);
}

TEST_CASE_TEMPLATE("carriers: a name belongs to one transport", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  a.open();
  for (const auto other : kTransports) {
    if (other == T::kTransport) continue;
    // The poll and the streams are carriers of different kinds.
    if (T::kTransport != Transport::poll && other != Transport::poll) continue;
    auto carrier = a.another(other, a.carrier().name);
    CHECK(carrier->attach(resume()).error == "carrier_mismatch");
  }
  auto absent = a.ask({{"carrier", "nobody"}, {"turn", 5}});
  CHECK(absent.error == "carrier_mismatch");
}

TEST_CASE_TEMPLATE("carriers: an activation that is repeated or late is harmless", T, WebSocket,
                   Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  REQUIRE(a.try_open({{"room", "r"}}).error.empty());
  CHECK(a.carrier().activate(1).at("control") == "activated");
  CHECK(a.carrier().activate(1).at("control") == "activated");
  auto next = a.another();
  REQUIRE(next->attach(resume()).error.empty());
  CHECK(next->activate(3).at("control") == "activated");
  CHECK(next->activate(2).at("turn") == 3);
  CHECK(a.carrier().end().code == "moved");
  a.listen_to(std::move(next));
  a.say("m");
  CHECK(a.event().at("type") == "created");
  a.expect("error");
}
