// What a client has received, as its pongs prove it.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "websocket/ping_proof.h"

using namespace sigway;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

struct Asked {
  explicit Asked(const base::RateLimit& noise = {})
      : proof([this](std::string_view payload) { pings.emplace_back(payload); }, noise) {}

  void wrote(std::uint64_t last) { proof.wrote(last, now); }
  std::optional<std::uint64_t> pong(std::string_view payload) { return proof.pong(payload, now); }
  /// As a client answers the latest ping.
  std::optional<std::uint64_t> pong() { return pong(pings.back()); }

  base::TimePoint now{1h};
  std::vector<std::string> pings;  // payloads
  websocket::PingProof proof;
};

}  // namespace

TEST_CASE("a ping follows what is written, and its pong proves it") {
  Asked asked;
  asked.wrote(3);
  CHECK(asked.pings.size() == 1);
  asked.wrote(4);
  asked.wrote(5);
  CHECK_MESSAGE(asked.pings.size() == 1, "one at a time");
  CHECK(asked.pong() == 3);
  CHECK_MESSAGE(asked.pings.size() == 2, "for what was written meanwhile");
  CHECK(asked.pings[0] != asked.pings[1]);
  CHECK(asked.pong() == 5);
  CHECK(asked.pings.size() == 2);
}

TEST_CASE("a pong that answers no ping proves nothing") {
  Asked asked;
  CHECK_MESSAGE(asked.pong("1") == std::nullopt, "before the first ping");
  CHECK(asked.pong("0") == std::nullopt);
  CHECK(asked.pong("") == std::nullopt);
  asked.wrote(1);
  const auto first = asked.pings.back();
  for (const auto* other : {"", "0", "2", "01", "1 ", "x"})
    CHECK(asked.pong(other) == std::nullopt);
  CHECK_MESSAGE(asked.pong() == 1, "the ping still waits for its own");
  CHECK_MESSAGE(asked.pong(first) == std::nullopt, "a second time");
  asked.wrote(2);
  CHECK_MESSAGE(asked.pong(first) == std::nullopt, "of the ping before");
  CHECK(asked.pings.size() == 2);
  CHECK(asked.pong() == 2);
}

TEST_CASE("heartbeats and probes do not overtake the ping that is on its way") {
  Asked asked;
  asked.wrote(1);
  asked.wrote(2);
  asked.proof.ask();
  CHECK(asked.pings.size() == 1);
  CHECK(asked.pong() == 1);
  CHECK(asked.pong() == 2);
  asked.proof.ask();
  CHECK(asked.pings.size() == 3);
  CHECK_MESSAGE(asked.pong() == 2, "proves nothing new");
  CHECK(asked.proof.next_ping() == base::TimePoint::max());
}

TEST_CASE("pings leave a client nine tenths of the noise that it may make") {
  Asked asked({.per_second = 20, .burst = 30});
  for (std::uint64_t number = 1; number <= 100; ++number) {
    asked.wrote(number);
    asked.pong();
  }
  CHECK(asked.pings.size() == 3);
  const auto next = asked.proof.next_ping();
  CHECK(next == asked.now + 500ms);
  asked.proof.on_timer(next - 1ms);
  CHECK(asked.pings.size() == 3);
  asked.proof.on_timer(asked.now = next);
  CHECK_MESSAGE(asked.pings.size() == 4, "as soon as it may, without another event");
  CHECK(asked.pong() == 100);
  CHECK(asked.proof.next_ping() == base::TimePoint::max());
  for (int i = 0; i < 10; ++i) {
    asked.proof.ask();
    asked.pong();
  }
  CHECK_MESSAGE(asked.pings.size() == 14, "whoever is asked whether it is there is asked at once");
}

TEST_CASE("a ping that could not be sent is sent later") {
  bool has_memory = false;
  std::string ping;
  websocket::PingProof proof(
      [&](std::string_view payload) {
        if (!has_memory) throw std::bad_alloc();
        ping = payload;
      },
      {});
  const base::TimePoint now{1h};
  CHECK_THROWS_AS(proof.wrote(1, now), std::bad_alloc);
  has_memory = true;
  proof.wrote(2, now);
  CHECK(proof.pong(ping, now) == 2);
}
