#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace sigway::base {

class TimerWheel;

namespace detail {
// A node of a circular list; a lone head points at itself, a node in no list at nothing.
struct TimerLink {
  TimerLink* previous = nullptr;
  TimerLink* next = nullptr;
};
}  // namespace detail

// One deadline, owned by whoever waits for it and linked into a wheel while it runs. 48 bytes, no
// allocation: an idle client may hold several. Destroying it cancels it.
//
//   base::Timer timer_ = base::Timer::calling<&Session::on_ack_deadline>(this);
//
// Lifetime: the owner (`context`) must outlive the timer, which being its member ensures. Timer and
// wheel may die in either order. Thread: that of the wheel.
class Timer : private detail::TimerLink {
 public:
  using Callback = void (*)(void* context);

  Timer(Callback callback, void* context) : callback_(callback), context_(context) {}
  ~Timer() { cancel(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  template <auto Method, class Owner>
  static Timer calling(Owner* owner) {
    return Timer([](void* context) { (static_cast<Owner*>(context)->*Method)(); }, owner);
  }

  bool is_scheduled() const { return next != nullptr; }
  // Does nothing if the timer is not scheduled. After it the callback is not called. O(1).
  void cancel();

 private:
  friend class TimerWheel;

  TimerWheel* wheel_ = nullptr;
  std::uint64_t tick_ = 0;
  Callback callback_;
  void* context_;
};

// A hierarchical timing wheel: schedule, reschedule and cancel in O(1), a tick of 10 ms, any
// distance. Time is passed in, so a test turns it by hand. It never reads a clock.
//
// A timer fires in `advance(now)` once its deadline is not after `now`, never early and less than
// one tick late. Timers fire in the order of their ticks; within one tick in no particular order. A
// callback may schedule, reschedule, cancel or destroy any timer, its own included; what it
// schedules in the past fires in the next `advance`. Thread: one thread at a time; no locks.
class TimerWheel {
 public:
  static constexpr Duration kTick = std::chrono::milliseconds(10);

  explicit TimerWheel(TimePoint origin);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Starts the timer, or moves it if it already runs (in this wheel or another).
  void schedule(Timer& timer, TimePoint deadline);

  // Fires everything due. Time that runs backwards is ignored. Returns how many fired. What a
  // callback throws passes through; the other timers of that tick then fire one tick later.
  std::size_t advance(TimePoint now);

  // When `advance` should be called next: not after the earliest deadline's tick, possibly before
  // it. Empty when nothing is scheduled.
  std::optional<TimePoint> next_deadline() const;

  std::size_t size() const { return size_; }

 private:
  friend class Timer;

  static constexpr unsigned kSlotBits = 6;
  static constexpr unsigned kSlots = 1U << kSlotBits;
  static constexpr unsigned kLevels =
      6;  // 64^6 ticks: 21 years; farther ones wait in the last slot

  struct Level {
    std::array<detail::TimerLink, kSlots> slots;  // heads of circular lists
    std::uint64_t occupied = 0;  // a bit a slot; may stay set for a slot that a cancel has emptied
    Level();
  };

  std::uint64_t tick_at_or_after(TimePoint time) const;
  void insert(Timer& timer);
  void cascade(unsigned level, unsigned slot);
  std::size_t fire(unsigned slot);
  std::optional<std::uint64_t> next_tick() const;

  TimePoint origin_;
  std::uint64_t current_ = 0;  // ticks up to here have fired
  std::size_t size_ = 0;
  std::array<Level, kLevels> levels_;
};

}  // namespace sigway::base
