#include "base/address_rates.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::base;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

constexpr TimePoint kBegin{1h};
AddressKey address(int i) { return AddressKey::parse("address " + std::to_string(i)); }

}  // namespace

TEST_CASE("each address has a rate of its own") {
  AddressRates rates({.per_second = 2, .burst = 4});
  for (int i = 0; i < 4; ++i) CHECK(rates.take(address(1), kBegin));
  CHECK_FALSE(rates.take(address(1), kBegin));
  CHECK(rates.take(address(2), kBegin));
  CHECK(rates.take(address(1), kBegin + 500ms));
  CHECK_FALSE(rates.take(address(1), kBegin + 500ms));
  AddressRates unlimited({});
  for (int i = 0; i < 10'000; ++i) REQUIRE(unlimited.take(address(1), kBegin));
  CHECK(unlimited.size() == 0);
}

TEST_CASE("rates by address are bounded, and forget those who are quiet") {
  AddressRates rates({.per_second = 1, .burst = 10}, 3200);
  for (int i = 0; i < 20'000; ++i) {
    rates.take(address(i), kBegin);
    if (i % 1000 == 0) REQUIRE(rates.size() <= 3216);
  }
  const auto before = rates.size();
  for (int i = 0; i < 3000; ++i) rates.take(address(i), kBegin + 1h);
  CHECK(rates.size() < before + 3000);
  CHECK(rates.size() <= 3216);
}
