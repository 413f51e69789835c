#include "session/inbox.h"

#include <doctest/doctest.h>

#include <string>

#include "native/native.h"
#include "support/account.h"

using namespace sigway::session;  // NOLINT(google-build-using-namespace)
using sigway::dialects::Command;
using sigway::dialects::Error;
using sigway::dialects::ErrorCode;
using sigway::dialects::Message;
using sigway::dialects::Piece;
using sigway::dialects::Say;
using sigway::testing::Account;

namespace {

Message say(std::optional<std::uint64_t> n, std::string data = {}) {
  return {n, Command(Say{.type = "chat",
                         .data = {sigway::dialects::Payload::Kind::json, std::move(data)}})};
}
/// `text` from `at` to before `end`, as a piece.
Message piece(std::uint64_t n, const std::string& text, std::size_t at, std::size_t end) {
  return {n, Piece{text.substr(at, end - at), at, text.size()}};
}
const std::string kOffer = R"({"type":"offer","data":[1]})";

struct InboxFixture {
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

  Account account{1U << 30U};
  Settings settings;
  Inbox inbox{account.holder, settings, sigway::dialects::native::dialect()};
  std::vector<Taken> taken;
};

}  // namespace

TEST_CASE("each number is taken once and in order") {
  InboxFixture f;
  CHECK_FALSE(f.offer({say(1), say(2)}));
  CHECK(f.news() == "1 2");
  CHECK_FALSE(f.offer({say(1), say(2), say(3)}));
  CHECK(f.news() == "3");
  CHECK(f.inbox.up() == 3);
  CHECK_FALSE(f.offer({say(std::nullopt), say(std::nullopt)}));
  CHECK_MESSAGE(f.news() == "4 5", "without a number it takes the next");
}

TEST_CASE("a number that went to a message without one is refused, and not taken for a repeat") {
  InboxFixture f;
  CHECK_FALSE(f.offer({say(1), say(std::nullopt), say(3)}));
  CHECK(f.news() == "1 2 3");
  const auto refused = f.offer({say(4), say(2), say(5)});
  CHECK(f.news() == "4");
  REQUIRE(refused);
  CHECK(refused->code == ErrorCode::number_gap);
  CHECK(refused->expected == 5);
  CHECK_FALSE(f.offer({say(1), say(3), say(4)}));
  CHECK_MESSAGE(f.news().empty(), "those had numbers: they are repeats");
}

TEST_CASE("uploads may overtake each other: small gaps are held") {
  InboxFixture f;
  CHECK_FALSE(f.offer({say(5), say(3)}));
  CHECK_FALSE(f.offer({say(3), say(2)}));
  CHECK(f.news().empty());
  CHECK(f.inbox.up() == 0);
  CHECK(f.account.budget.used() > 0);
  CHECK_FALSE(f.offer({say(1)}));
  CHECK(f.news() == "1 2 3");
  CHECK_FALSE(f.offer({say(4), say(4)}));
  CHECK(f.news() == "4 5");
  CHECK(f.inbox.up() == 5);
  CHECK(f.account.budget.used() == 0);
}

TEST_CASE("large gaps are refused with the number expected") {
  InboxFixture f;
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
    CHECK(f.account.budget.used() == 0);
  }
  SUBCASE("256 KiB are held, not more") {
    for (std::uint64_t n = 3; n < 3 + 4; ++n)
      REQUIRE_FALSE(f.offer({say(n, std::string(60'000, 'x'))}));
    CHECK(f.offer({say(7, std::string(60'000, 'x'))})->code == ErrorCode::number_gap);
    CHECK(f.account.budget.used() > 240'000);
    CHECK(f.account.budget.used() < 256U << 10U);
  }
  SUBCASE("nothing is held when memory is short") {
    f.account.budget.charge(sigway::base::MemoryPart::inbox, f.account.budget.limit() + 1);
    CHECK(f.offer({say(3)})->code == ErrorCode::number_gap);
    CHECK_MESSAGE(!f.offer({say(2)}), "what needs not be held is taken");
    f.account.budget.release(sigway::base::MemoryPart::inbox, f.account.budget.limit() + 1);
  }
  SUBCASE("what stood before it in the request has been taken") {
    f.settings.gap_messages = 0;
    CHECK(f.offer({say(2), say(9), say(3)})->expected == 3);
    CHECK(f.inbox.up() == 2);
  }
  f.offer({say(2)});
  for (auto n = f.inbox.up() + 1; n < 70; ++n) f.offer({say(n)});
  CHECK(f.account.budget.used() == 0);
}

TEST_CASE("a refused message counts as taken") {
  InboxFixture f;
  f.offer({Message{1, Error{.code = ErrorCode::bad_type}}, say(2)});
  CHECK(f.news() == "1:bad_type 2");
  CHECK(f.inbox.up() == 2);
}

TEST_CASE("a message in pieces is taken when it is whole") {
  InboxFixture f;
  const auto end = kOffer.size();
  SUBCASE("in order") {
    f.offer({piece(1, kOffer, 0, 5)});
    CHECK(f.inbox.up() == 0);
    CHECK(f.account.budget.used() > 0);
    f.offer({piece(1, kOffer, 5, 20)});
    f.offer({piece(1, kOffer, 20, end)});
  }
  SUBCASE("in any order, and repeated") {
    f.offer({piece(1, kOffer, 20, end), piece(1, kOffer, 20, end)});
    f.offer({piece(1, kOffer, 0, 5)});
    f.offer({piece(1, kOffer, 0, 5)});
    f.offer({piece(1, kOffer, 5, 20)});
  }
  SUBCASE("cut differently the second time") {
    f.offer({piece(1, kOffer, 3, 9), piece(1, kOffer, 12, 15)});
    f.offer({piece(1, kOffer, 0, 14)});
    f.offer({piece(1, kOffer, 5, 7), piece(1, kOffer, 14, end)});
  }
  SUBCASE("every byte alone, from the last") {
    for (auto at = end; at-- > 0;) f.offer({piece(1, kOffer, at, at + 1)});
  }
  SUBCASE("in the end in one piece") {
    f.offer({piece(1, kOffer, 7, 9)});
    f.offer({piece(1, kOffer, 0, end)});
  }
  REQUIRE(f.taken.size() == 1);
  const auto said = std::get<Say>(std::get<Command>(f.taken[0].content));
  CHECK(said.type == "offer");
  CHECK(said.data.bytes == "[1]");
  CHECK(f.news() == "1");
  CHECK(f.inbox.up() == 1);
  f.offer({piece(1, kOffer, 0, 5)});
  CHECK_MESSAGE(f.account.budget.used() == 0, "a late copy is dropped");
}

TEST_CASE("a whole copy of a message in pieces is the same message") {
  InboxFixture f;
  f.offer({piece(1, kOffer, 0, 9), say(1), say(2)});
  CHECK(f.news() == "1 2");
  f.offer({piece(4, kOffer, 0, 9), say(4), piece(4, kOffer, 9, kOffer.size())});
  f.offer({say(3)});
  CHECK(f.news() == "3 4");
  CHECK(f.account.budget.used() == 0);
}

TEST_CASE("pieces wait behind a gap like any message") {
  InboxFixture f;
  f.offer({piece(2, kOffer, 0, 9), say(3)});
  f.offer({piece(2, kOffer, 9, kOffer.size())});
  CHECK(f.news().empty());
  f.offer({say(1)});
  CHECK(f.news() == "1 2 3");
  CHECK(f.account.budget.used() == 0);

  SUBCASE("and behind a message of which a piece is missing") {
    f.offer({piece(4, kOffer, 0, 9), say(5), piece(6, kOffer, 0, 9), piece(6, kOffer, 9, 27)});
    CHECK(f.news().empty());
    f.offer({piece(4, kOffer, 9, kOffer.size())});
    CHECK(f.news() == "4 5 6");
  }
  SUBCASE("too far ahead they are refused, with the number expected") {
    const auto refused = f.offer({piece(100, kOffer, 0, 9)});
    REQUIRE(refused);
    CHECK(refused->code == ErrorCode::number_gap);
    CHECK(refused->expected == 4);
  }
  SUBCASE("and so are too many bytes, but never the message that all wait for") {
    const std::string large(70'000, ' ');
    std::optional<Error> refused;
    for (std::uint64_t n = 5; n < 10 && !refused; ++n)
      refused = f.offer({piece(n, large, 0, 69'999)});
    REQUIRE(refused);
    CHECK(refused->code == ErrorCode::number_gap);
    CHECK_FALSE(f.offer({piece(4, kOffer, 0, 9), piece(4, kOffer, 9, kOffer.size())}));
    CHECK(f.news() == "4");
  }
}

TEST_CASE("what is wrong with pieces is an event, and the next message is taken") {
  InboxFixture f;
  SUBCASE("not a message") {
    const std::string text = "{\"type\":}";
    f.offer({piece(1, text, 0, 4), piece(1, text, 4, text.size())});
    CHECK(f.news() == "1:bad_request");
  }
  SUBCASE("no agreement about the length") {
    f.offer({piece(1, kOffer, 0, 9), piece(1, kOffer + " ", 9, 20)});
    CHECK(f.news() == "1:bad_request");
  }
  f.offer({say(2)});
  CHECK(f.news() == "2");
  CHECK(f.account.budget.used() == 0);
}

TEST_CASE("pieces cost no more than their text and a quarter, whatever is missing between them") {
  InboxFixture f;
  constexpr std::size_t kMost = 73'728;
  const auto text = R"({"type":"x","data":")" + std::string(65'000, 'x') + "\"" +
                    std::string(kMost - 65'022, ' ') + '}';
  REQUIRE(text.size() == kMost);
  SUBCASE("of the message that all wait for") {
    for (std::size_t at = 0; at < kMost; at += 2) f.offer({piece(1, text, at, at + 1)});
    CHECK(f.account.budget.used() <= kMost * 5 / 4);
    for (std::size_t at = 1; at < kMost; at += 2) f.offer({piece(1, text, at, at + 1)});
    CHECK(f.news() == "1");
  }
  SUBCASE("beyond a gap, with many messages") {
    for (std::uint64_t n = 2; n < 60; ++n) {
      for (std::size_t at = 0; at < kMost; at += 128) {
        if (const auto refused = f.offer({piece(n, text, at, at + 1)})) {
          CHECK(refused->code == ErrorCode::number_gap);
          CHECK(refused->expected == 1);
        }
        REQUIRE(f.account.budget.used() <= f.settings.gap_bytes);
      }
    }
    CHECK(f.account.budget.used() > f.settings.gap_bytes / 2);
    CHECK_MESSAGE(!f.offer({piece(1, text, 0, kMost)}), "the one that all wait for is taken");
    CHECK(f.news() == "1");
  }
}

TEST_CASE("64 KiB of data in pieces passes") {
  InboxFixture f;
  const auto text = R"({"type":"x","data":")" + std::string(65'534, 'x') + "\"}";
  f.offer({piece(1, text, 30'000, text.size()), piece(1, text, 0, 30'000)});
  REQUIRE(f.taken.size() == 1);
  CHECK(std::get<Say>(std::get<Command>(f.taken[0].content)).data.size() == 65'536);
}

TEST_CASE("an inbox that dies gives its memory back") {
  Account account(1U << 20U);
  {
    const Settings settings;
    Inbox inbox(account.holder, settings, sigway::dialects::native::dialect());
    std::vector<Taken> taken;
    std::vector<Message> messages;
    messages.push_back(piece(1, "abc", 0, 2));
    messages.push_back(say(9, "123456"));
    inbox.offer(std::move(messages), taken);
    CHECK(account.budget.used() > 0);
  }
  CHECK(account.budget.used() == 0);
}

TEST_CASE("a will takes no number, and shares the fate of the message behind it") {
  using sigway::dialects::Will;
  const auto will = [](const std::string& name) {
    return Message{std::nullopt, Command(Will{name, std::nullopt})};
  };
  InboxFixture f;
  const auto wills = [&] {
    std::string names;
    for (const auto& one : f.taken) {
      const auto* kept = std::get_if<Will>(&std::get<Command>(one.content));
      names += kept == nullptr ? "- " : kept->name + " ";
    }
    f.taken.clear();
    return names;
  };
  CHECK_FALSE(f.offer({will("a"), say(1), will("b"), say(std::nullopt), will("c")}));
  CHECK(wills() == "a - b - c ");
  CHECK(f.inbox.up() == 2);
  CHECK_FALSE(f.offer({will("a"), say(1), will("d"), say(3)}));
  CHECK_MESSAGE(wills() == "d - ", "not again");
  CHECK_FALSE(f.offer({will("e"), say(5)}));
  CHECK_MESSAGE(wills() == "e ", "at once");
  CHECK_FALSE(f.offer({will("e"), say(5)}));
  CHECK(wills().empty());
  CHECK_FALSE(f.offer({say(4)}));
  CHECK(wills() == "- - ");
  CHECK(f.inbox.up() == 5);
}
