#include "bus/home.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace sigway;  // NOLINT(google-build-using-namespace)

TEST_CASE("a home depends on the secret: nobody can choose names that fall to one shard") {
  // As an attacker would: names that live together under one secret.
  constexpr base::HashSecret kKnown{1};
  constexpr base::ShardIndex kShards = 4;
  std::vector<std::string> chosen;
  for (int i = 0; chosen.size() < 1000; ++i) {
    auto name = "room " + std::to_string(i);
    if (bus::home_of(name, kShards, kKnown) == 0) chosen.push_back(std::move(name));
  }
  const auto most_on_one = [&](auto home) {
    std::vector<std::size_t> counts(kShards);
    for (const auto& name : chosen) ++counts[home(name)];
    return *std::max_element(counts.begin(), counts.end());
  };
  CHECK(most_on_one([&](const auto& name) {
          return bus::home_of(name, kShards, base::HashSecret{2});
        }) < 400);
  CHECK(most_on_one([&](const auto& name) { return bus::home_of(name, kShards); }) < 400);
  CHECK(bus::home_of("r", kShards) == bus::home_of("r", kShards, base::process_secret()));
  CHECK(bus::home_of("r", 1) == 0);
}
