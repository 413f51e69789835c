#include "session/inbox.h"

#include <doctest/doctest.h>

#include <string>

#include "dialects/native.h"

using namespace sigway::session;  // NOLINT(google-build-using-namespace)
using sigway::dialects::Command;
using sigway::dialects::Error;
using sigway::dialects::ErrorCode;
using sigway::dialects::Message;
using sigway::dialects::Piece;
using sigway::dialects::Say;

namespace {

Message say(std::optional<std::uint64_t> n, std::string data = {}) {
  return {n, Command(Say{"chat", {}, std::nullopt, std::move(data)})};
}
Message piece(std::uint64_t n, std::string text, bool more) {
  return {n, Piece{std::move(text), more}};
}

struct Fixture {
  std::optional<Error> offer(std::vector<Message> messages) {
    return inbox.offer(std::move(messages), taken);
  }
  /// The numbers of what was taken since the last call.
  std::string news() {
    std::string numbers;
    for (const auto& one : taken) {
      if (!numbers.empty()) numbers += ' ';
      numbers += std::to_string(one.re);
      if (const auto* error = std::get_if<Error>(&one.content))
        numbers += ":" + std::string(sigway::dialects::info(error->code).name);
    }
    taken.clear();
    return numbers;
  }

  MemoryBudget budget{1U << 30U};
  Settings settings;
  Inbox inbox{budget, settings, sigway::dialects::native::dialect()};
  std::vector<Taken> taken;
};

}  // namespace

TEST_CASE("each number is taken once and in order") {
  Fixture f;
  CHECK_FALSE(f.offer({say(1), say(2)}));
  CHECK(f.news() == "1 2");
  CHECK_FALSE(f.offer({say(1), say(2), say(3)}));
  CHECK(f.news() == "3");
  CHECK(f.inbox.up() == 3);
  CHECK_FALSE(f.offer({say(std::nullopt), say(std::nullopt)}));
  CHECK_MESSAGE(f.news() == "4 5", "without a number it takes the next");
}

TEST_CASE("uploads may overtake each other: small gaps are held") {
  Fixture f;
  CHECK_FALSE(f.offer({say(5), say(3)}));
  CHECK_FALSE(f.offer({say(3), say(2)}));
  CHECK(f.news().empty());
  CHECK(f.inbox.up() == 0);
  CHECK(f.budget.used() > 0);
  CHECK_FALSE(f.offer({say(1)}));
  CHECK(f.news() == "1 2 3");
  CHECK_FALSE(f.offer({say(4), say(4)}));
  CHECK(f.news() == "4 5");
  CHECK(f.inbox.up() == 5);
  CHECK(f.budget.used() == 0);
}

TEST_CASE("large gaps are refused with the number expected") {
  Fixture f;
  f.offer({say(1)});
  f.news();
  SUBCASE("64 messages are held, not 65") {
    for (std::uint64_t n = 3; n < 3 + 64; ++n) REQUIRE_FALSE(f.offer({say(n)}));
    const auto refusal = f.offer({say(67)});
    REQUIRE(refusal);
    CHECK(refusal->code == ErrorCode::number_gap);
    CHECK(refusal->expected == 2);
    CHECK_MESSAGE(!f.offer({say(66)}), "a copy of one that is held is harmless");
  }
  SUBCASE("a number that is simply wrong is not held for ever") {
    CHECK(f.offer({say(67)})->expected == 2);
    CHECK(f.offer({say(1'000'000'000)})->code == ErrorCode::number_gap);
    CHECK(f.budget.used() == 0);
  }
  SUBCASE("256 KiB are held, not more") {
    for (std::uint64_t n = 3; n < 3 + 4; ++n)
      REQUIRE_FALSE(f.offer({say(n, std::string(60'000, 'x'))}));
    CHECK(f.offer({say(7, std::string(60'000, 'x'))})->code == ErrorCode::number_gap);
    CHECK(f.budget.used() > 240'000);
    CHECK(f.budget.used() < 256U << 10U);
  }
  SUBCASE("nothing is held when memory is short") {
    f.budget.charge(f.budget.limit() + 1);
    CHECK(f.offer({say(3)})->code == ErrorCode::number_gap);
    CHECK_MESSAGE(!f.offer({say(2)}), "what needs not be held is taken");
    f.budget.release(f.budget.limit() + 1);
  }
  SUBCASE("what stood before it in the request has been taken") {
    f.settings.gap_messages = 0;
    CHECK(f.offer({say(2), say(9), say(3)})->expected == 3);
    CHECK(f.inbox.up() == 2);
  }
  f.offer({say(2)});
  for (auto n = f.inbox.up() + 1; n < 70; ++n) f.offer({say(n)});
  CHECK(f.budget.used() == 0);
}

TEST_CASE("a refused message counts as taken") {
  Fixture f;
  f.offer({Message{1, Error{.code = ErrorCode::bad_type}}, say(2)});
  CHECK(f.news() == "1:bad_type 2");
  CHECK(f.inbox.up() == 2);
}

TEST_CASE("pieces are joined; results quote the last one") {
  Fixture f;
  SUBCASE("in order") {
    f.offer({piece(1, R"({"type":"off)", true)});
    CHECK(f.inbox.up() == 1);
    CHECK(f.budget.used() > 0);
    f.offer({piece(2, R"(er","data":)", true)});
    CHECK(f.news().empty());
    f.offer({piece(3, R"([1]})", false)});
  }
  SUBCASE("in any order") {
    f.offer({piece(3, R"([1]})", false)});
    f.offer({piece(2, R"(er","data":)", true)});
    f.offer({piece(1, R"({"type":"off)", true)});
  }
  REQUIRE(f.taken.size() == 1);
  const auto said = std::get<Say>(std::get<Command>(f.taken[0].content));
  CHECK(said.type == "offer");
  CHECK(said.data == "[1]");
  CHECK(f.news() == "3");
  CHECK(f.inbox.up() == 3);
  CHECK(f.budget.used() == 0);
}

TEST_CASE("what is wrong with pieces is an event, and the next message is taken") {
  Fixture f;
  SUBCASE("not a message") {
    f.offer({piece(1, "{\"type\":", true), piece(2, "}", false)});
    CHECK(f.news() == "2:bad_request");
  }
  SUBCASE("unfinished") {
    f.offer({piece(1, "{", true), say(2)});
    CHECK(f.news() == "1:bad_request 2");
  }
  SUBCASE("too large in all: 64 KiB and the envelope") {
    std::uint64_t n = 0;
    for (int i = 0; i < 20; ++i) f.offer({piece(++n, std::string(60'000, 'x'), true)});
    CHECK(f.inbox.up() == 20);
    CHECK_MESSAGE(f.budget.used() == 0, "what is thrown away is not held");
    CHECK(f.news().empty());
    f.offer({piece(++n, "x", false)});
    CHECK(f.news() == "21:too_large");
    f.offer({piece(++n, R"({"type":"x"})", false)});
    CHECK(f.news() == "22");
  }
  f.offer({say(f.inbox.up() + 1)});
  CHECK_FALSE(f.news().empty());
  CHECK(f.budget.used() == 0);
}

TEST_CASE("64 KiB of data in pieces passes") {
  Fixture f;
  const auto text = R"({"type":"x","data":")" + std::string(65'534, 'x') + "\"}";
  f.offer({piece(1, text.substr(0, 30'000), true), piece(2, text.substr(30'000), false)});
  REQUIRE(f.taken.size() == 1);
  CHECK(std::get<Say>(std::get<Command>(f.taken[0].content)).data.size() == 65'536);
}

TEST_CASE("an inbox that dies gives its memory back") {
  MemoryBudget budget(1U << 20U);
  {
    const Settings settings;
    Inbox inbox(budget, settings, sigway::dialects::native::dialect());
    std::vector<Taken> taken;
    std::vector<Message> messages;
    messages.push_back(piece(1, "abc", true));
    messages.push_back(say(9, "123456"));
    inbox.offer(std::move(messages), taken);
    CHECK(budget.used() > 0);
  }
  CHECK(budget.used() == 0);
}
