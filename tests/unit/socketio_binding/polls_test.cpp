#include "socketio_binding/polls.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace sigway;
using dialects::socketio::Polls;
using Arrival = Polls::Arrival;

namespace {

/// Writes down "CONNECTION: body", or "CONNECTION cut".
class Answers final : public http::Replies {
 public:
  void respond(const http::ExchangeId& id, http::Response response) override {
    log.push_back(std::to_string(id.connection) + ": " + std::string(response.body().view()));
  }
  void abandon(const http::ExchangeId& id) noexcept override {
    log.push_back(std::to_string(id.connection) + " cut");
  }
  std::shared_ptr<http::StreamWriter> begin_stream(const http::ExchangeId&,
                                                   http::Response) override {
    return nullptr;
  }

  std::vector<std::string> take() { return std::exchange(log, {}); }
  std::vector<std::string> log;
};

struct Holder final : base::MemoryHolder {
  using base::MemoryHolder::MemoryHolder;
  void give_up_memory() override {}
  base::AddressKey memory_owner() const noexcept override { return {}; }
};

struct Bed {
  base::MemoryBudget budget{1U << 20U};
  base::MemoryLedger ledger{budget, [] {}};
  Holder holder{ledger};
  Answers answers;
  Polls polls{holder};

  Arrival poll(std::uint64_t connection, const std::string& stamp, std::uint32_t sequence = 0) {
    return polls.arrive(answers, {.connection = connection, .sequence = sequence}, stamp);
  }
  void answer(const std::string& body) { polls.answer(http::Response::text(200, body)); }
};

using Log = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Bed, "one poll waits for its answer") {
  CHECK_FALSE(polls.are_waiting());
  CHECK(poll(1, "a") == Arrival::waits);
  CHECK(polls.are_waiting());
  answer("x");
  CHECK_FALSE(polls.are_waiting());
  CHECK(answers.take() == Log{"1: x"});
  answer("for nobody");
  CHECK(answers.take().empty());
}

TEST_CASE_FIXTURE(Bed, "another poll beside the one that waits overlaps, a copy waits with it") {
  CHECK(poll(1, "a") == Arrival::waits);
  CHECK(poll(2, "b") == Arrival::overlaps);
  CHECK(poll(3, "") == Arrival::overlaps);
  CHECK(poll(4, "a") == Arrival::copies);
  answer("x");
  CHECK(answers.take() == Log{"1: x", "4: x"});
}

TEST_CASE_FIXTURE(Bed, "copies are bounded") {
  CHECK(poll(1, "a") == Arrival::waits);
  for (const std::uint64_t copy : {2, 3, 4}) CHECK(poll(copy, "a") == Arrival::copies);
  CHECK(poll(5, "a") == Arrival::crowds);
  CHECK(polls.replace_oldest({.connection = 5}).connection == 1);
  answer("x");
  CHECK(answers.take() == Log{"2: x", "3: x", "4: x", "5: x"});
}

TEST_CASE_FIXTURE(Bed, "who repeats a poll whose answer was lost gets it again") {
  poll(1, "a");
  answer("x");
  answers.take();
  CHECK(poll(2, "a") == Arrival::repeats);
  CHECK(poll(3, "a") == Arrival::repeats);
  CHECK(answers.take() == Log{"2: x", "3: x"});

  SUBCASE("but not on the connection that has had it") { CHECK(poll(1, "a", 1) == Arrival::waits); }
  SUBCASE("and not after the next poll, which shows that it has arrived") {
    CHECK(poll(2, "b", 1) == Arrival::waits);
    CHECK(polls.gone({.connection = 2, .sequence = 1}));
    CHECK(poll(4, "a") == Arrival::waits);
  }
  SUBCASE("nor when it has been forgotten") {
    CHECK(budget.used() > 0);
    polls.forget_answer();
    CHECK(budget.used() == 0);
    CHECK(poll(4, "a") == Arrival::waits);
  }
}

TEST_CASE_FIXTURE(Bed, "a stamp that is too long is none") {
  const std::string stamp(65, 't');
  CHECK(poll(1, stamp) == Arrival::waits);
  CHECK(poll(2, stamp) == Arrival::overlaps);
}

TEST_CASE_FIXTURE(Bed, "nobody waits any more when the last connection is gone") {
  poll(1, "a");
  poll(2, "a");
  const auto later = base::TimePoint{} + std::chrono::seconds(25);
  polls.wait_until(later);
  CHECK_FALSE(polls.gone({.connection = 3}));
  CHECK_FALSE(polls.gone({.connection = 1}));
  CHECK(polls.wait_until() == later);
  CHECK(polls.gone({.connection = 2}));
  CHECK(polls.wait_until() == base::TimePoint::max());
  CHECK_FALSE(polls.gone({.connection = 2}));
}

TEST_CASE_FIXTURE(Bed, "without memory for an answer their connections are cut") {
  poll(1, "a");
  poll(2, "a");
  polls.abandon();
  CHECK(answers.take() == Log{"1 cut", "2 cut"});
  CHECK_FALSE(polls.are_waiting());
}
