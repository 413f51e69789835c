#include "session/outbox.h"

#include <doctest/doctest.h>

#include <string>

#include "support/account.h"

using namespace sigway::session;  // NOLINT(google-build-using-namespace)
using sigway::testing::Account;

namespace {

sigway::dialects::EncodedEvent event(std::size_t bytes) {
  return std::make_shared<const sigway::dialects::Frame>(
      sigway::dialects::Frame{std::string(bytes, 'x')});
}

}  // namespace

TEST_CASE("events have the next number and stay until they are acknowledged") {
  Account account(1U << 20U);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 1U << 20U, spares);
  CHECK(outbox.last() == 0);
  for (std::size_t i = 1; i <= 100; ++i) {
    REQUIRE(outbox.push(event(i), 0) == SendStatus::sent);
    REQUIRE(outbox.last() == i);
  }
  outbox.mark_written(100);
  for (std::uint64_t ack = 0; ack < 100; ack += 7) {
    outbox.acknowledge(ack);
    CHECK(outbox.acknowledged() == ack);
    CHECK(outbox.last() == 100);
    for (auto n = ack + 1; n <= 100; ++n) REQUIRE(outbox.at(n)->size() == n);
  }
  outbox.acknowledge(50);
  CHECK_MESSAGE(outbox.acknowledged() == 98, "a lower one is ignored");
  outbox.acknowledge(1000);
  CHECK(outbox.acknowledged() == 100);
  CHECK(outbox.bytes() == 0);
  CHECK(account.budget.used() == 0);
  outbox.push(event(1), 0);
  CHECK(outbox.last() == 101);
  CHECK(outbox.at(101)->size() == 1);
}

TEST_CASE("what was sent without an acknowledgement is forgotten but for the latest bytes") {
  constexpr std::size_t kKeep = 64U << 10U;
  // size of each event; how many of them are kept
  const std::pair<std::size_t, std::uint64_t> rows[] = {{0, 1024},  {1, 1024},  {64, 1024},
                                                        {1000, 65}, {kKeep, 1}, {kKeep + 1, 0}};
  for (const auto& [size, kept] : rows) {
    const auto shown = size;  // clang 14 lets no lambda capture a structured binding
    CAPTURE(shown);
    Account account(1U << 30U);
    Outbox::Spares spares;
    Outbox outbox(account.holder, 8U << 20U, spares);
    for (std::uint64_t last = 1; last <= 40'000; ++last) {
      REQUIRE(outbox.push(event(size), 7) == SendStatus::sent);
      if (last % 3 != 0) continue;  // some turns send several, some nothing
      outbox.trim(last - 1, kKeep);
      outbox.trim(last - 1, kKeep);
      REQUIRE(outbox.acknowledged() == std::max(last - 1, kept) - kept);
      if (last > 6000 && size > 64) break;
    }
    outbox.acknowledge(outbox.last() - 1);
    outbox.trim(outbox.last(), kKeep);
    CHECK(outbox.last() - outbox.acknowledged() == std::min<std::uint64_t>(kept, 1));
    outbox.trim(outbox.last(), 0);
    CHECK(outbox.bytes() == 0);
    CHECK(account.budget.used() == 0);
  }
}

TEST_CASE("written is a maximum") {
  Account account(1000);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 1000, spares);
  outbox.mark_written(5);
  outbox.mark_written(3);
  CHECK(outbox.written() == 5);
}

TEST_CASE("one sender may fill half, all together and the server the whole") {
  Account account(1U << 20U);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 10'000, spares);
  int of_seven = 0;
  while (outbox.push(event(912), 7) == SendStatus::sent) ++of_seven;
  CHECK(of_seven == 5);
  CHECK_MESSAGE(outbox.last() == 5, "a busy event has no number");
  CHECK(outbox.push(event(912), 8) == SendStatus::sent);
  CHECK(outbox.push(event(912), 0) == SendStatus::sent);
  outbox.acknowledge(1);
  CHECK(outbox.push(event(912), 7) == SendStatus::sent);
  CHECK(outbox.push(event(912), 7) == SendStatus::busy);
  while (outbox.bytes() + 1000 <= 10'000) CHECK(outbox.push(event(912), 0) == SendStatus::sent);
  CHECK(outbox.push(event(912), 0) == SendStatus::full);
  CHECK(outbox.push(event(912), 8) == SendStatus::full);
}

TEST_CASE("mail has a share of its own, and never ends the receiver") {
  Account account(1U << 20U);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 64'000, spares);
  const auto mail = [](std::uint64_t address) { return Origin::mail({address}); };
  int of_one = 0, of_all = 0;
  while (outbox.push(event(912), mail(1)) == SendStatus::sent) ++of_one;
  CHECK_MESSAGE(of_one == 4, "a sixteenth");
  for (std::uint64_t address = 2; address < 100; ++address) {
    while (outbox.push(event(912), mail(address)) == SendStatus::sent) ++of_all;
  }
  CHECK_MESSAGE(of_one + of_all == 8, "an eighth, however many send");
  for (int i = 0; i < 64; ++i)
    CHECK_MESSAGE(outbox.push(event(912), 0) == SendStatus::sent, "beside the limit");
  CHECK(outbox.push(event(912), 0) == SendStatus::full);
  CHECK_MESSAGE(outbox.push(event(912), mail(7)) == SendStatus::busy, "mail is never full");
  outbox.acknowledge(8);
  CHECK(outbox.push(event(912), mail(1)) == SendStatus::sent);
  CHECK(outbox.push(event(912), 0) == SendStatus::full);
  outbox.acknowledge(outbox.last());
  CHECK(account.budget.used() == 0);
}

TEST_CASE("what is noted of mail takes no share, and counts as memory") {
  Account account(1U << 30U);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 1U << 20U, spares);
  const auto postmark = std::make_shared<const Postmark>();
  const auto from = Origin::mail(sigway::base::AddressKey::parse("ip"));
  std::size_t letters = 0;
  while (outbox.push(event(12), from, postmark) == SendStatus::sent) ++letters;
  CHECK(letters == (1U << 20U) / 16 / 100);
  CHECK(outbox.bytes() > letters * (100 + sizeof(Postmark)));
  CHECK(account.budget.used() == outbox.bytes());
  // What is said in rooms has the whole limit beside it.
  for (int i = 0; i < 15; ++i)
    CHECK(outbox.push(event(65'536 - 88), Origin(i)) == SendStatus::sent);
  outbox.acknowledge(outbox.last());
  CHECK(account.budget.used() == 0);
}

TEST_CASE("one letter of any size always fits, a second one does not") {
  Account account(1U << 20U);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 64'000, spares);
  CHECK(outbox.push(event(60'000), Origin::mail({1})) == SendStatus::sent);
  CHECK(outbox.push(event(1), Origin::mail({1})) == SendStatus::busy);
  CHECK(outbox.push(event(1), Origin::mail({2})) == SendStatus::busy);
  CHECK(outbox.push(event(60'000), 3) == SendStatus::busy);
  CHECK(outbox.push(event(60'000), 0) == SendStatus::sent);
}

TEST_CASE("beyond the memory budget nothing is taken but what the server says itself") {
  Account account(100);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 10'000, spares);
  CHECK(outbox.push(event(100), 7) == SendStatus::sent);
  CHECK(account.budget.exceeded());
  CHECK(outbox.push(event(1), 8) == SendStatus::overloaded);
  CHECK(outbox.push(event(1), 0) == SendStatus::sent);
}

TEST_CASE("an outbox that dies gives its memory back") {
  Account account(10'000);
  {
    Outbox::Spares spares;
    Outbox outbox(account.holder, 10'000, spares);
    outbox.push(event(100), 7);
    outbox.push(event(100), 0);
    CHECK(account.budget.used() == outbox.bytes());
    CHECK(account.budget.used() > 200);
  }
  CHECK(account.budget.used() == 0);
}

TEST_CASE("trimming keeps the latest bytes of what was sent") {
  Account account(1U << 20U);
  Outbox::Spares spares;
  Outbox outbox(account.holder, 1U << 20U, spares);
  for (std::size_t i = 0; i < 10; ++i) outbox.push(event(100), 0);
  outbox.trim(8, 300);
  CHECK_MESSAGE(outbox.acknowledged() == 5, "6, 7 and 8 are 300 bytes");
  outbox.trim(7, 300);
  CHECK_MESSAGE(outbox.acknowledged() == 5, "lower than before: ignored");
  outbox.trim(8, 299);
  CHECK(outbox.acknowledged() == 6);
  outbox.trim(8, 99);
  CHECK_MESSAGE(outbox.acknowledged() == 8, "not one fits");
  outbox.trim(9, 0);
  CHECK(outbox.acknowledged() == 9);
  outbox.trim(1000, 100);
  CHECK_MESSAGE(outbox.acknowledged() == 9, "of what there is, the latest stays");
  outbox.trim(1000, 0);
  CHECK(outbox.acknowledged() == 10);
  CHECK(account.budget.used() == 0);
}
