#include "net/watchdog.h"

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <new>
#include <string>
#include <thread>
#include <vector>

using namespace sigway;
using namespace sigway::net;
using namespace std::chrono_literals;

TEST_CASE("a turn of more than a second is reported, while it runs and seldom again") {
  base::MemoryBudget budget(1U << 30U);
  Shards shards;
  shards.push_back(std::make_unique<Shard>(0, budget));
  std::vector<std::string> reports;
  Watchdog watchdog(shards, [&](const std::string& text) { reports.push_back(text); });
  std::promise<void> begun;
  std::promise<void> end;
  std::thread thread([&] { shards[0]->run(); });
  shards[0]->post([&] {
    begun.set_value();
    end.get_future().wait();
    throw std::bad_alloc();
  });
  begun.get_future().wait();
  // The clock is the test's: the turn has just begun.
  const auto began = base::Clock::now();
  watchdog.look(began);
  CHECK(reports.empty());
  for (int second = 2; second <= 20; ++second) watchdog.look(began + second * 1s);
  CHECK_MESSAGE(reports.size() >= 3, "each time that it has taken twice as long");
  CHECK(reports.size() <= 4);
  CHECK(reports[0].starts_with("shard 0 has been in one turn of its loop for 2"));
  end.set_value();
  shards[0]->stop();
  thread.join();
  reports.clear();
  watchdog.look(began + 30s);
  CHECK(reports.size() >= 1);
  CHECK(reports.back().starts_with("1 allocations failed on shard 0"));
  const auto count = reports.size();
  watchdog.look(began + 40s);
  CHECK_MESSAGE(reports.size() == count, "nothing new");
}
