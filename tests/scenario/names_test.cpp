// Names and mailboxes (docs/protocol.md, "Names").
#include <doctest/doctest.h>

#include <thread>

#include "scenario/client.h"

using namespace sigway::testing;

TEST_CASE_TEMPLATE("names: a message finds a name in no room at all", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"name", "alice"}});
  a.expect("login");
  b.open();
  b.send({{"type", "login"}, {"name", "bob"}});
  CHECK(b.expect("login").at("re") == 1);
  a.send({{"type", "offer"}, {"to", "@bob"}, {"data", 1}});
  const auto offer = b.expect("offer");
  CHECK(offer.at("from") == a.peer());
  CHECK(offer.at("name") == "alice");
  CHECK(!offer.contains("room"));
  b.send({{"type", "logout"}});
  CHECK(b.expect("logout").at("re") == 2);
  a.send({{"type", "offer"}, {"to", "@bob"}});
  a.expect("stored");
  b.send({{"type", "logout"}});
  CHECK(b.expect("error").at("code") == "no_name");
}

TEST_CASE_TEMPLATE("names: a mailbox keeps what came before the name, and hands it over first", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"name", "alice"}});
  a.expect("login");
  for (int i = 0; i < 3; ++i) {
    const auto n = a.send({{"type", "offer"}, {"to", "@bob"}, {"data", i}});
    const auto stored = a.expect("stored");
    CHECK(stored.at("to") == "@bob");
    CHECK(stored.at("lifetime") == 60);
    CHECK(stored.at("re") == n);
  }
  b.open({{"name", "bob"}, {"room", "r"}});
  for (int i = 0; i < 3; ++i) {
    const auto offer = b.expect("offer");
    CHECK(offer.at("data") == i);
    CHECK(offer.at("name") == "alice");
  }
  b.expect("login");
  b.expect("created");
}

TEST_CASE_TEMPLATE("names: a mailbox is bounded and has a lifetime", T, WebSocket, Sse, Poll) {
  Site site({"--mailbox-messages", "3", "--mailbox-per-sender", "4", "--mailbox-lifetime", "8s"});
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open();
  const auto say = [&](const std::string& to) {
    a.send({{"type", "m"}, {"to", to}});
    const auto event = a.event();
    return event.at("type") == "error" ? event.at("code").get<std::string>()
                                       : event.at("type").get<std::string>();
  };
  for (int i = 0; i < 3; ++i) CHECK(say("@bob") == "stored");
  CHECK(say("@bob") == "mailbox_full");
  CHECK(say("@carol") == "stored");
  CHECK(say("@dave") == "mailbox_full");  // one sender's part
  const auto deadline = Clock::now() + kPatience;
  while (site.metric("sigway_queued_bytes") > 0) {
    REQUIRE(Clock::now() < deadline);
    a.acknowledge(a.heard());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  b.open({{"name", "bob"}});
  b.expect("login");
  a.send({{"type", "m"}, {"to", "@carol"}});
  a.expect("stored");
}

TEST_CASE_TEMPLATE("names: what a holder that was cut had not confirmed comes to its successor", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"name", "alice"}});
  a.expect("login");
  b.open({{"name", "bob"}});
  b.expect("login");
  b.acknowledge(b.heard());
  b.vanish();
  for (int i = 0; i < 3; ++i) a.send({{"type", "offer"}, {"to", "@bob"}, {"data", i}});
  Client fresh(site, T::kTransport);
  fresh.open({{"name", "bob"}, {"replaces", b.session.key}});
  for (int i = 0; i < 3; ++i) CHECK(fresh.expect("offer").at("data") == i);
  fresh.expect("login");
  a.send({{"type", "offer"}, {"to", "@bob"}, {"data", 3}});
  CHECK(fresh.expect("offer").at("data") == 3);
  a.send({{"type", "offer"}, {"to", "@nobody"}});
  CHECK_MESSAGE(a.expect("stored").at("to") == "@nobody", "nothing was to be said of the others");
}

TEST_CASE_TEMPLATE("names: one that is taken is refused to others", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"name", "n"}});
  a.expect("login");
  b.open();
  b.send({{"type", "login"}, {"name", "n"}});
  const auto refused = event_while_alive(b, {&a});
  CHECK(refused.at("code") == "name_taken");
  CHECK(refused.at("re") == 1);
  b.send({{"type", "m"}, {"to", "@n"}});
  a.expect("m");

  // Its holder changes its own: the old one is free.
  a.send({{"type", "login"}, {"name", "other"}});
  a.expect("login");
  b.send({{"type", "login"}, {"name", "n"}});
  CHECK(event_while_alive(b, {&a}).at("type") == "login");
}

TEST_CASE_TEMPLATE("names: one whose holder is suspended or dead passes on, and it hears of it", T,
                   WebSocket, Sse, Poll) {
  Site site({"--probe-timeout", "800ms"});
  Client a(site, T::kTransport), b(site, T::kTransport), c(site, T::kTransport);
  a.open({{"name", "n"}, {"room", "r"}});
  a.expect("login");
  a.expect("created");
  b.open({{"room", "r"}});
  b.expect("joined");
  b.expect("ready");
  a.go_away();
  a.vanish();
  b.expect("peer-suspended");
  b.send({{"type", "login"}, {"name", "n"}});
  // What others see of the two names is said by each for itself: in no order.
  bool named = false, lost = false, mine = false;
  while (!mine || !lost) {
    const auto event = b.event();
    if (event.at("type") == "login") mine = true;
    if (event.at("type") == "peer-named") lost = !event.contains("name");
    named = named || event.at("type") == "name-lost";
  }
  CHECK(!named);
  a.resume();
  std::string heard;
  while (heard != "name-lost") heard = a.event().at("type");

  // Attached, and silent when it is asked.
  b.session.heartbeat_answers = 0;
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  c.open();
  c.send({{"type", "login"}, {"name", "n"}});
  CHECK(c.expect("login").at("name") == "n");
}

TEST_CASE_TEMPLATE("names: the members of a room hear how others are named", T, WebSocket, Sse,
                   Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"room", "r"}});
  a.expect("created");
  b.open({{"room", "r"}});
  b.expect("joined");
  b.expect("ready");
  a.expect("peer-joined");
  a.expect("ready");
  b.send({{"type", "login"}, {"name", "bob"}});
  const auto named = a.expect("peer-named");
  CHECK(named.at("peer") == b.peer());
  CHECK(named.at("name") == "bob");
  b.send({{"type", "logout"}});
  CHECK(!a.expect("peer-named").contains("name"));
}
