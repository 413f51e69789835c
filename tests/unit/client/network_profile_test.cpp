// What is known of a network, and for how long.
#include "client/network_profile.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

using namespace sigway;          // NOLINT(google-build-using-namespace)
using namespace sigway::client;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

struct Watched {
  Scheduler scheduler{Time{} + 1h};
  std::vector<std::string> journal, kept;
  NetworkProfile profile{scheduler,
                         {.journal = [this](auto line) { journal.emplace_back(line); },
                          .keep = [this](const auto& what) { kept.push_back(what); }}};
  void pass(client::Duration time) { scheduler.advance(scheduler.now() + time); }
};

const Failure kCut{.code = "network"}, kHeldBack{.code = "held_back"}, kLate{.code = "deadline"};
constexpr client::Duration kHeartbeat{5000};

}  // namespace

TEST_CASE("profile: what worked last is known, kept, and read by the next one") {
  Watched one;
  CHECK_FALSE(one.profile.known());
  one.profile.worked(Transport::sse, 400ms);
  one.profile.worked(Transport::sse, std::nullopt);  // renewed
  REQUIRE(one.profile.known());
  CHECK(one.profile.known()->transport == Transport::sse);
  CHECK(one.profile.known()->proof == 400ms);
  REQUIRE(one.kept.size() == 2);

  Watched next;
  next.profile.recall(one.kept.back());
  REQUIRE(next.profile.known());
  CHECK(next.profile.known()->transport == Transport::sse);
  CHECK(next.profile.known()->proof == 400ms);
  CHECK(next.profile.is_trusted(Transport::sse));
  CHECK(next.journal == std::vector<std::string>{"remembers that sse worked here"});
}

TEST_CASE("profile: what makes no sense is not recalled") {
  for (const auto* text : {"", "x", "[]", "{}", R"({"transport":5})", R"({"transport":"auto"})",
                           R"({"transport":"pigeons","proof":1})"}) {
    Watched one;
    one.profile.recall(text);
    CHECK_FALSE(one.profile.known());
    CHECK(one.journal.empty());
  }
}

TEST_CASE("profile: a transport that has failed has to prove itself again") {
  Watched one;
  one.profile.worked(Transport::websocket, 50ms);
  one.profile.failed(Transport::websocket, kCut);
  CHECK_FALSE(one.profile.is_trusted(Transport::websocket));
  CHECK(one.profile.known());  // it is still what worked last
}

TEST_CASE(
    "profile: one that died young twice is not what to begin with, until its minute is over") {
  Watched one;
  one.profile.worked(Transport::websocket, 50ms);
  one.profile.died(Transport::websocket, kCut, 2s, 2s, kHeartbeat);
  CHECK(one.profile.known());
  one.profile.died(Transport::websocket, kCut, 2s, 2s, kHeartbeat);
  CHECK_FALSE(one.profile.known());
  CHECK(one.journal.back() == "websocket keeps dying young: it is set aside for 60 s");
  one.pass(61s);
  CHECK(one.profile.known());
}

TEST_CASE("profile: one that grew old has its lives back, however it ended") {
  Watched one;
  for (int i = 0; i < 4; ++i) {
    one.profile.died(Transport::websocket, kCut, 2s, 2s, kHeartbeat);
    if (i % 2 == 0)
      one.profile.ended(Transport::websocket, 11s, kHeartbeat);
    else
      one.profile.died(Transport::websocket, kCut, 11s, 2s, kHeartbeat);
  }
  CHECK_FALSE(one.profile.lives().is_aside(Transport::websocket));
  one.profile.died(Transport::websocket, kCut, 2s, 2s, kHeartbeat);
  one.profile.ended(Transport::websocket, 9s, kHeartbeat);  // not old
  one.profile.died(Transport::websocket, kCut, 2s, 2s, kHeartbeat);
  CHECK(one.profile.lives().is_aside(Transport::websocket));
}

TEST_CASE("profile: a stream that is held back is set aside at once, polls never are") {
  Watched one;
  one.profile.died(Transport::sse, kHeldBack, 60s, 2s, kHeartbeat);
  CHECK(one.profile.lives().is_aside(Transport::sse));
  CHECK(one.profile.cadence().pad() > 0);
  for (int i = 0; i < 4; ++i) one.profile.died(Transport::poll, kCut, 1s, 1s, kHeartbeat);
  CHECK_FALSE(one.profile.lives().is_aside(Transport::poll));
}

TEST_CASE("profile: an attempt that is held back or late teaches padding, others nothing") {
  Watched one;
  one.profile.failed(Transport::sse, kCut);
  one.profile.failed(Transport::websocket, kLate);
  CHECK(one.profile.cadence().pad() == 0);
  one.profile.failed(Transport::sse, kLate);
  CHECK(one.profile.cadence().pad() > 0);
}

TEST_CASE("profile: an outage is nobody's fault") {
  Watched one;
  one.profile.died(Transport::sse, kHeldBack, 60s, 2s, kHeartbeat);
  one.profile.outage();
  CHECK_FALSE(one.profile.lives().is_aside(Transport::sse));
  CHECK(one.profile.cadence().pad() == 0);
  CHECK(one.kept.empty());  // nothing is known that could be
}

TEST_CASE("profile: how slow the line is") {
  Watched one;
  CHECK(one.profile.slack() == 1);
  one.profile.late(false);
  one.profile.late(false);
  CHECK(one.profile.slack() == 2);  // it may be dead
  one.profile.found_slow();
  CHECK(one.profile.slack() == 4);
  one.profile.late(true);
  one.profile.late(true);
  CHECK(one.profile.slack() == 8);
  one.profile.worked(Transport::poll, 3s);
  one.profile.worked(Transport::poll, std::nullopt);
  CHECK(one.profile.slack() == 8);
  one.profile.worked(Transport::poll, 2999ms);
  CHECK(one.profile.slack() == 1);
  one.profile.late(true);
  one.profile.found_steady();
  CHECK(one.profile.slack() == 1);

  CHECK(one.profile.queue() == 0ms);
  one.profile.came(4095, 10s);  // too few to say
  CHECK(one.profile.queue() == 0ms);
  one.profile.came(4096, 1s);
  CHECK(one.profile.queue() == 4s);
  one.profile.came(4096, 3600s);
  CHECK(one.profile.queue() == 20s);
}
