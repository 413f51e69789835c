// Who a session belongs to (docs/protocol.md, "Opening and resuming").
#include <doctest/doctest.h>

#include <set>
#include <thread>

#include "scenario/client.h"

using namespace sigway::testing;

TEST_CASE_TEMPLATE("identity: a repeated open finds the session and leaves no ghost", T, WebSocket,
                   Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  const auto first = a.open({{"room", "once"}});
  a.expect("created");
  // As after a lost answer: the same again, on another connection.
  const auto again = a.try_open({{"room", "once"}});
  REQUIRE(again.error.empty());
  CHECK(again.body.at("peer") == first.at("peer"));
  CHECK(again.body.at("turn") == 1);
  Client b(site, T::kTransport);
  b.open({{"room", "once"}});
  CHECK(b.expect("joined").at("members").size() == 1);
  CHECK(site.metric("sigway_sessions_opened_total") == 2);
}

TEST_CASE_TEMPLATE("identity: simultaneous opens insert once", T, WebSocket, Sse, Poll) {
  Site site;
  for (int round = 0; round < 5; ++round) {
    Client a(site, T::kTransport);
    a.session.acknowledges = false;  // each shall see the event, however fast the others are
    const Json open{{"open", {{"room", "race-" + std::to_string(round)}}}};
    std::vector<std::unique_ptr<Carrier>> carriers;
    for (int i = 0; i < 3; ++i) carriers.push_back(a.another());
    for (auto& carrier : carriers) carrier->start_attach(open);
    std::set<std::string> peers;
    for (auto& carrier : carriers) {
      const auto answer = carrier->finish_attach();
      REQUIRE_MESSAGE(answer.error.empty(), answer.error);
      peers.insert(answer.body.at("peer").get<std::string>());
      const auto created = carrier->event();
      REQUIRE(created);
      CHECK(created->number == 1);
      CHECK(created->body.at("type") == "created");
    }
    CHECK(peers.size() == 1);
    CHECK(site.metric("sigway_sessions_opened_total") == round + 1);
  }
}

TEST_CASE_TEMPLATE("identity: an open with other contents is a mismatch", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  a.open({{"room", "one"}});
  a.expect("created");
  for (const Json& other : {Json{{"room", "two"}}, Json{{"room", "one"}, {"name", "n"}},
                            Json{{"room", "one"}, {"capacity", 3}}, Json::object()}) {
    auto carrier = a.another();
    const auto answer = carrier->attach({{"open", other}});
    CHECK(answer.error == "open_mismatch");
    CHECK(answer.status == 409);
    CHECK(!answer.body.at("hint").empty());
  }
  a.say("nobody-hears");
  CHECK(a.expect("error").at("code") == "nobody_there");
}

TEST_CASE_TEMPLATE("identity: resume never creates", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport);
  const auto answer = a.try_resume({{"ack", 0}});
  CHECK(answer.error == "unknown_key");
  CHECK(answer.status == 404);
  CHECK(site.metric("sigway_sessions") == 0);
}

TEST_CASE_TEMPLATE("identity: an ended key is gone, and forgotten after its time", T, WebSocket,
                   Sse, Poll) {
  Site site({"--ended-key-memory", "1s"});
  Client a(site, T::kTransport);
  a.open({{"room", "r"}});
  a.expect("created");
  const auto ended = Clock::now();  // at the earliest
  a.leave();
  CHECK(a.carrier().end().code == "left");
  const auto resumed = a.try_resume({});
  const auto opened = a.try_open({{"room", "r"}});
  if (Clock::now() < ended + std::chrono::milliseconds(900)) {
    CHECK(resumed.error == "gone");
    CHECK(resumed.status == 410);
    CHECK(resumed.body.at("reason") == "left");
    CHECK(opened.body.at("reason") == "left");
    CHECK(opened.error == "gone");
  }
  // Where the machine took longer than that, the key has opened a session again.
  if (opened.error.empty()) return;
  for (const auto deadline = ended + kPatience;;) {
    const auto error = a.try_resume({}).error;
    if (error == "unknown_key") break;
    REQUIRE(error == "gone");
    REQUIRE(Clock::now() < deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  CHECK(Clock::now() >= ended + std::chrono::milliseconds(900));
}

TEST_CASE_TEMPLATE("identity: another server says restarted", T, WebSocket, Sse, Poll) {
  Json server;
  std::string key;
  {
    Site before;
    Client a(before, T::kTransport);
    server = a.open().at("server");
    key = a.session.key;
  }
  Site after;
  Client a(after, T::kTransport);
  a.session.key = key;
  const auto answer = a.try_resume({{"resume", {{"server", server}}}});
  CHECK(answer.error == "restarted");
  CHECK(answer.status == 409);
  Client b(after, T::kTransport);
  const auto own = b.open().at("server");
  CHECK(own != server);
  CHECK(a.try_resume({{"resume", {{"server", own}}}}).error == "unknown_key");
}

TEST_CASE_TEMPLATE("identity: short keys are refused", T, WebSocket, Sse, Poll) {
  Site site;
  for (const std::string key :
       {"short", "a-key-of-21-characters", "a key with spaces in it, long"}) {
    Client a(site, T::kTransport);
    a.session.key = key == "a-key-of-21-characters" ? key.substr(1) : key;
    const auto answer = a.try_open({{"room", "r"}});
    CHECK(answer.error == "bad_key");
    CHECK(answer.status == 400);
  }
  CHECK(site.metric("sigway_sessions") == 0);
}

TEST_CASE("identity: a key is never taken from a URL") {
  Site site;
  for (const std::string path : {"/v1/sse?room=r&key=", "/v1/poll?room=r&key="}) {
    const auto answer = site.get(path + new_key());
    CHECK(answer.status == 400);
    CHECK(answer.body.at("error").at("code") == "key_in_url");
  }
  const auto answer = site.post("/v1/send?key=" + new_key(), {{"ack", 0}});
  CHECK(answer.status == 400);
  CHECK(answer.body.at("error").at("code") == "key_in_url");
}

TEST_CASE_TEMPLATE("identity: keys are not logged, and peers hear peer ids only", T, WebSocket, Sse,
                   Poll) {
  Site site({"--log-level", "trace"});
  Client a(site, T::kTransport), b(site, T::kTransport);
  a.open({{"room", "quiet"}});
  a.expect("created");
  b.open({{"room", "quiet"}});
  const auto joined = b.expect("joined").dump();
  CHECK(joined.find(a.session.key) == std::string::npos);
  CHECK(a.peer().size() < a.session.key.size());
  CHECK(a.try_open({{"room", "other"}}).error == "open_mismatch");
  b.leave();
  CHECK(b.try_resume({}).error == "gone");
  CHECK(site.server().log().find(a.session.key) == std::string::npos);
  CHECK(site.server().log().find(b.session.key) == std::string::npos);
}

TEST_CASE_TEMPLATE("identity: a session without an acknowledgement ends", T, WebSocket, Sse, Poll) {
  Site site({"--ack-deadline", "4s"});
  Client watcher(site, T::kTransport), a(site, T::kTransport);
  watcher.open({{"room", "r"}});
  watcher.acknowledge(0);
  watcher.expect("created");
  a.session.acknowledges = false;
  a.open({{"room", "r"}});
  CHECK(watcher.expect("peer-joined").at("peer") == a.peer());
  watcher.expect("ready");
  const auto left = watcher.expect("peer-left");
  CHECK(left.at("peer") == a.peer());
  CHECK(left.at("reason") == "closed");
  CHECK(site.metric("sigway_sessions_ended_total{reason=\"no_ack\"}") == 1);
  const auto resumed = a.try_resume({});
  CHECK(resumed.error == "gone");
  CHECK(resumed.body.at("reason") == "no_ack");
}
