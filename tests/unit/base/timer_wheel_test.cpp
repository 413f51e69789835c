#include "base/timer_wheel.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

using sigway::base::Duration;
using sigway::base::TimePoint;
using sigway::base::Timer;
using sigway::base::TimerWheel;
using namespace std::chrono_literals;

namespace {

const TimePoint kStart = TimePoint(1234567ms);

struct Counter {
  int fired = 0;
  Timer timer = Timer::calling<&Counter::count>(this);
  void count() { ++fired; }
};

}  // namespace

TEST_CASE("a timer fires once its deadline has come, and once only") {
  TimerWheel wheel(kStart);
  Counter counter;
  wheel.schedule(counter.timer, kStart + 100ms);
  CHECK(counter.timer.is_scheduled());
  wheel.advance(kStart + 99ms);
  CHECK(counter.fired == 0);
  wheel.advance(kStart + 100ms);
  CHECK(counter.fired == 1);
  CHECK_FALSE(counter.timer.is_scheduled());
  wheel.advance(kStart + 10s);
  CHECK(counter.fired == 1);
  CHECK(wheel.size() == 0);
}

TEST_CASE("cancel, destruction and rescheduling") {
  TimerWheel wheel(kStart);
  Counter cancelled;
  wheel.schedule(cancelled.timer, kStart + 50ms);
  cancelled.timer.cancel();
  cancelled.timer.cancel();
  auto destroyed = std::make_unique<Counter>();
  wheel.schedule(destroyed->timer, kStart + 50ms);
  CHECK(wheel.size() == 1);
  destroyed.reset();
  CHECK(wheel.size() == 0);
  Counter moved;
  wheel.schedule(moved.timer, kStart + 50ms);
  wheel.schedule(moved.timer, kStart + 5s);
  CHECK(wheel.size() == 1);
  wheel.advance(kStart + 4990ms);
  CHECK(moved.fired == 0);
  CHECK(cancelled.fired == 0);
  wheel.advance(kStart + 5s);
  CHECK(moved.fired == 1);
}

TEST_CASE("a wheel may die before its timers") {
  Counter counter;
  {
    TimerWheel wheel(kStart);
    wheel.schedule(counter.timer, kStart + 1h);
  }
  CHECK_FALSE(counter.timer.is_scheduled());
}

TEST_CASE("a deadline in the past fires in the next advance that reaches a new tick") {
  TimerWheel wheel(kStart);
  Counter counter;
  wheel.advance(kStart + 1s);
  wheel.schedule(counter.timer, kStart);
  wheel.advance(kStart + 1s + TimerWheel::kTick);
  CHECK(counter.fired == 1);
}

TEST_CASE("a callback may cancel, destroy and schedule others and itself") {
  struct Chain {
    TimerWheel wheel{kStart};
    std::unique_ptr<Counter> victim = std::make_unique<Counter>();
    Counter bystander;
    int runs = 0;
    Timer timer = Timer::calling<&Chain::run>(this);
    void run() {
      victim.reset();
      bystander.timer.cancel();
      if (++runs < 3) wheel.schedule(timer, kStart + runs * 1s);
    }
  } chain;
  chain.wheel.schedule(chain.timer, kStart + 10ms);
  chain.wheel.schedule(chain.victim->timer, kStart + 10ms);
  chain.wheel.schedule(chain.bystander.timer, kStart + 10ms);
  chain.wheel.advance(kStart + 1h);
  CHECK(chain.runs == 3);
  CHECK(chain.bystander.fired == 0);
}

TEST_CASE("far deadlines are kept, also beyond the wheel's own reach") {
  TimerWheel wheel(kStart);
  Counter day, decades;
  wheel.schedule(day.timer, kStart + 24h);
  wheel.schedule(decades.timer, kStart + 24h * 365 * 40);
  wheel.advance(kStart + 24h - 10ms);
  CHECK(day.fired == 0);
  wheel.advance(kStart + 24h);
  CHECK(day.fired == 1);
  wheel.advance(kStart + 24h * 365 * 40 - 10ms);
  CHECK(decades.fired == 0);
  wheel.advance(kStart + 24h * 365 * 40);
  CHECK(decades.fired == 1);
}

TEST_CASE(
    "against a plain list: random schedules, cancels and steps, and next_deadline never "
    "oversleeps") {
  struct Entry {
    TimePoint deadline{};
    TimePoint fired{};
    TimePoint* now = nullptr;
    Timer timer = Timer::calling<&Entry::fire>(this);
    void fire() { fired = *now; }
  };
  for (unsigned seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    TimePoint now = kStart;
    TimerWheel wheel(now);
    std::vector<std::unique_ptr<Entry>> entries;
    for (int i = 0; i < 200; ++i) {
      entries.push_back(std::make_unique<Entry>());
      entries.back()->now = &now;
    }
    for (int step = 0; step < 3000; ++step) {
      Entry& entry = *entries[random() % entries.size()];
      if (random() % 4 == 0) {
        entry.timer.cancel();
      } else {
        const unsigned magnitude = random() % 24;
        entry.deadline = now + std::chrono::milliseconds(random() % (2U << magnitude));
        wheel.schedule(entry.timer, entry.deadline);
      }
      if (random() % 3 != 0) continue;
      if (random() % 2 == 0 && wheel.next_deadline()) {
        now = std::max(now, *wheel.next_deadline());
      } else {
        now += std::chrono::milliseconds(random() % (2U << (random() % 16)));
      }
      wheel.advance(now);
      TimePoint earliest = TimePoint::max();
      for (const auto& other : entries) {
        if (!other->timer.is_scheduled()) {
          if (other->fired == now) CHECK(other->deadline <= now);
          continue;
        }
        CHECK(other->deadline > now - TimerWheel::kTick);
        earliest = std::min(earliest, other->deadline);
      }
      if (earliest != TimePoint::max()) {
        REQUIRE(wheel.next_deadline().has_value());
        CHECK(*wheel.next_deadline() <= std::max(earliest, now) + TimerWheel::kTick);
      }
    }
  }
}
