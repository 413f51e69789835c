// Clients that acknowledge nothing: what the kernel has taken counts as delivered.
#include <doctest/doctest.h>

#include <numeric>

#include "raw/raw.h"
#include "support/plain_client.h"

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::testing;  // NOLINT(google-build-using-namespace)
using Numbers = std::vector<std::uint64_t>;

namespace {

/// As a visitor, but with fewer bytes for those who come back.
constexpr dialects::Traits kForgetful{.acknowledges = false,
                                      .activates = false,
                                      .answers_probes = false,
                                      .resumes = false,
                                      .needs_room = true,
                                      .linger = std::chrono::seconds(30),
                                      .replay = 1000};

/// Somebody alone in a room, who hears what it says itself.
struct Echo {
  explicit Echo(const dialects::Traits& traits = dialects::plain::kSocket,
                const session::Settings& settings = {})
      : world(World::Options{.settings = settings}),
        client(world, dialects::raw::protocol(), "echo", traits),
        log(client.attach()) {}
  void say(std::size_t bytes, int times = 1) {
    for (int i = 0; i < times; ++i) client.say(std::string(bytes, 'x'));
  }
  session::Outbox& outbox() { return client.session()->outbox(); }

  World world;
  PlainClient client;
  std::shared_ptr<FrameLog> log;
};

Numbers counted(std::uint64_t first, std::uint64_t last) {
  Numbers numbers(static_cast<std::size_t>(last - first + 1));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

}  // namespace

TEST_CASE("what the kernel has taken is forgotten") {
  Echo e;
  e.say(100, 3);
  CHECK(e.log->numbers == Numbers{1, 2, 3});
  CHECK(e.outbox().acknowledged() == 3);
  CHECK(e.outbox().bytes() == 0);
}

TEST_CASE("what waits in the connection's queue stays in the outbox") {
  Echo e;
  e.log->unsent = 1000;
  e.say(100, 10);
  CHECK_MESSAGE(e.log->last() == 10, "the connection has it");
  CHECK(e.outbox().acknowledged() == 0);
  CHECK(e.outbox().bytes() > 1000);
  SUBCASE("until the kernel has taken all") {
    e.client.drain(*e.log);
    CHECK(e.outbox().acknowledged() == 10);
    CHECK(e.outbox().bytes() == 0);
    CHECK_MESSAGE(e.log->numbers == counted(1, 10), "written once");
  }
  SUBCASE("of it, what the kernel has taken goes") {
    e.log->unsent = 350;
    e.say(100);
    CHECK_MESSAGE(e.outbox().acknowledged() == 7, "four of eleven wait, one of them in part");
    e.log->unsent = 1;
    e.say(100);
    CHECK(e.outbox().acknowledged() == 11);
    e.log->unsent = 0;
    e.say(100);
    CHECK(e.outbox().acknowledged() == 13);
  }
  SUBCASE("framing in the queue makes it count less as sent, never more") {
    e.log->unsent = 5000;
    e.say(100);
    CHECK(e.outbox().acknowledged() == 0);
  }
}

TEST_CASE("a queue that never empties is bounded by the outbox") {
  session::Settings settings;
  settings.outbox_limit = 20'000;
  Echo e(dialects::plain::kSocket, settings);
  e.log->unsent = SIZE_MAX / 2;
  e.say(1000, 100);
  CHECK(e.outbox().bytes() <= 10'000);
  CHECK(e.log->frames.size() < 10);
  CHECK(e.log->frames.size() > 7);
  const auto before = e.log->frames.size();
  e.client.drain(*e.log);
  e.say(1000);
  CHECK_MESSAGE(e.log->frames.size() == before + 1, "and goes on when it has emptied");
}

TEST_CASE("the latest bytes are kept for a client that comes back") {
  Echo e(kForgetful);
  e.say(100, 25);
  CHECK(e.log->numbers == counted(1, 25));
  CHECK_MESSAGE(e.outbox().acknowledged() == 15, "1000 bytes are ten events");
  e.client.cut();
  e.say(100, 2);
  CHECK(e.outbox().last() == 27);

  SUBCASE("it gets what it has not seen, in order and once") {
    const auto again = e.client.attach(20);
    CHECK(again->numbers == counted(21, 27));
    e.say(100);
    CHECK(again->numbers == counted(21, 28));
    CHECK(e.log->numbers == counted(1, 25));
  }
  SUBCASE("also if it has seen all") { CHECK(e.client.attach(25)->numbers == counted(26, 27)); }
  SUBCASE("from the first that is kept if it has seen less") {
    CHECK(e.client.attach(3)->numbers == counted(16, 27));
  }
  SUBCASE("again and again") {
    CHECK(e.client.attach(20)->numbers == counted(21, 27));
    e.client.cut();
    CHECK_MESSAGE(e.outbox().acknowledged() == 17, "what was sent since has its share");
    CHECK(e.client.attach(20)->numbers == counted(21, 27));
  }
  SUBCASE("it cannot have seen what was not written") {
    CHECK(code_of(e.client.attach(26)->error) == "bad_cursor");
    CHECK(e.client.attach(25)->numbers == counted(26, 27));
  }
}

TEST_CASE("what the kernel has not taken is kept whatever its size, and the latest sent beside") {
  Echo e(kForgetful);
  e.say(100, 15);
  CHECK(e.outbox().acknowledged() == 5);
  e.log->unsent = 2000;
  e.say(100, 20);
  CHECK(e.outbox().acknowledged() == 5);
  CHECK(e.outbox().last() == 35);
  e.client.drain(*e.log);
  CHECK(e.outbox().acknowledged() == 25);
}

TEST_CASE("an event that is larger than what is kept is not kept") {
  Echo e(kForgetful);
  e.say(100, 2);
  e.say(1001);
  CHECK(e.outbox().acknowledged() == 3);
  e.say(1000);
  CHECK(e.outbox().acknowledged() == 3);
  CHECK(e.client.attach(0)->numbers == Numbers{4});
}

TEST_CASE("a client that begins to acknowledge is taken at its word") {
  Echo e;
  const auto acknowledge = [&](std::uint64_t number) {
    session::Inputs inputs;
    inputs.ack = number;
    return code_of(e.client.process(std::move(inputs)));
  };
  e.log->unsent = 1000;
  e.say(100, 5);
  CHECK(acknowledge(6) == "bad_cursor");
  CHECK(acknowledge(2).empty());
  CHECK(e.outbox().acknowledged() == 2);
  e.client.drain(*e.log);
  e.say(100);
  CHECK_MESSAGE(e.outbox().acknowledged() == 2, "sent means nothing now");
  CHECK(acknowledge(6).empty());
  CHECK(e.outbox().bytes() == 0);

  SUBCASE("until it is another kind of client") {
    e.client.session()->behave_as(dialects::plain::kSocket);
    e.say(100);
    CHECK(e.outbox().acknowledged() == 7);
  }
}

TEST_CASE("a client that acknowledges keeps what was sent, whatever the kernel took") {
  static constexpr dialects::Traits kCareful{.acknowledges = true, .activates = false};
  Echo e(kCareful);
  e.say(100, 3);
  CHECK(e.log->last() == 3);
  CHECK(e.outbox().acknowledged() == 0);
}
