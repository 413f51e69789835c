#include "session/carrier_set.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

using namespace sigway;           // NOLINT(google-build-using-namespace)
using namespace sigway::session;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

using Kind = CarrierSet::Activation::Kind;

/// A carrier of which the test says whether it has a connection.
struct SilentCarrier final : Carrier {
  bool detach(std::uint64_t) override { return false; }
  bool connected() const override { return is_connected; }
  void pump(Outbox&) override {}
  void activated(std::uint64_t, bool, Outbox&) override {}
  void standby(std::uint64_t, const Outbox&) override {}
  void probe() override {}
  void end(End, base::Duration) override { is_connected = false; }
  base::TimePoint next_deadline() const override { return base::TimePoint::max(); }
  std::optional<End> on_timer(base::TimePoint, Outbox&) override { return std::nullopt; }

  bool is_connected = true;
};

struct CarrierSetFixture {
  CarrierSet::Opened open(const std::string& name) {
    return carriers.open(
        name, [] { return std::make_unique<SilentCarrier>(); }, false, now);
  }
  Kind activate(const std::string& name) { return carriers.activate(name, ++turn, now).kind; }
  void cut(const std::string& name) {
    dynamic_cast<SilentCarrier&>(*carriers.find(name)).is_connected = false;
  }
  /// Ends those whose time is over; whether there were any.
  bool check() {
    struct Holder final : base::MemoryHolder {
      using MemoryHolder::MemoryHolder;
      void give_up_memory() override {}
      base::AddressKey memory_owner() const noexcept override { return {}; }
    };
    base::MemoryBudget budget(1 << 20);
    base::MemoryLedger ledger(budget, [] {});
    Holder holder(ledger);
    Outbox::Spares spares;
    Outbox outbox(holder, 1024, spares);
    return carriers.check(now, outbox);
  }
  /// Opens and activates a carrier, which ends the one before.
  void move_to(const std::string& name) {
    REQUIRE(is_attached(open(name)));
    CHECK(activate(name) == Kind::activated);
  }
  static bool is_attached(const CarrierSet::Opened& opened) {
    return std::holds_alternative<Carrier*>(opened);
  }
  static std::optional<End> why_ended(const CarrierSet::Opened& opened) {
    const auto* const ended = std::get_if<CarrierSet::Ended>(&opened);
    return ended == nullptr ? std::nullopt : std::optional(ended->reason);
  }

  Settings settings;
  base::TimePoint now{1h};
  std::uint64_t turn = 0;
  CarrierSet carriers{settings};
};

}  // namespace

TEST_CASE("the name of a carrier that has moved may not be attached again") {
  CarrierSetFixture f;
  f.move_to("a");
  f.move_to("b");
  CHECK(f.why_ended(f.open("a")) == End::moved);
  CHECK(f.carriers.find("a") == nullptr);
  CHECK(f.activate("a") == Kind::ended);
  SUBCASE("until fifteen others have ended after it") {
    for (int i = 0; i < 16; ++i) {
      CHECK(f.why_ended(f.open("a")) == End::moved);
      f.move_to("c" + std::to_string(i));
    }
    CHECK(f.is_attached(f.open("a")));
    CHECK_MESSAGE(f.why_ended(f.open("c14")) == End::moved, "the latest one is still remembered");
  }
}

TEST_CASE("a carrier that was attached first and ends last is remembered as long as any other") {
  CarrierSetFixture f;
  f.move_to("first");
  for (int i = 0; i < 20; ++i) {
    CHECK(f.is_attached(f.open("standby" + std::to_string(i))));
    f.now = f.carriers.next_deadline();
    f.check();
  }
  f.move_to("second");
  for (int i = 0; i < 8; ++i) f.move_to("next" + std::to_string(i));
  CHECK(f.why_ended(f.open("first")) == End::moved);
  CHECK(f.is_attached(f.open("standby0")));
}

TEST_CASE("carriers that have ended take no place of those that stand by") {
  CarrierSetFixture f;
  for (const auto* name : {"a", "b", "c", "d"}) f.move_to(name);
  for (std::uint32_t i = 0; i < f.settings.standby_carriers; ++i)
    CHECK(f.is_attached(f.open("standby" + std::to_string(i))));
  const auto refused = f.open("one more");
  REQUIRE(std::holds_alternative<dialects::Error>(refused));
  CHECK(std::get<dialects::Error>(refused).code == dialects::ErrorCode::too_many_carriers);
  f.cut("standby1");
  CHECK(f.is_attached(f.open("one more")));
  CHECK_MESSAGE(f.activate("standby1") == Kind::unknown, "it had to make room");
}

TEST_CASE("a carrier that stands by for too long ends, and the active one goes on") {
  CarrierSetFixture f;
  f.move_to("a");
  CHECK(f.is_attached(f.open("b")));
  f.cut("b");
  CHECK(f.carriers.next_deadline() == f.now + f.settings.standby_timeout);
  f.now = f.carriers.next_deadline();
  CHECK(f.check());
  CHECK(f.why_ended(f.open("b")) == End::standby_timeout);
  CHECK(f.carriers.any_connected());
  CHECK(f.carriers.next_deadline() == base::TimePoint::max());
}
