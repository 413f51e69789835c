#include "base/timer_wheel.h"

#include <algorithm>
#include <bit>

namespace sigway::base {

namespace {

using detail::TimerLink;

bool is_empty(const TimerLink& head) { return head.next == &head; }

void make_empty(TimerLink& head) { head.previous = head.next = &head; }

void link_last(TimerLink& head, TimerLink& node) {
  node.previous = head.previous;
  node.next = &head;
  head.previous->next = &node;
  head.previous = &node;
}

void unlink(TimerLink& node) {
  // Only linked nodes come here. NOLINTNEXTLINE(clang-analyzer-core.NullDereference)
  node.previous->next = node.next;
  node.next->previous = node.previous;
  node.previous = node.next = nullptr;
}

// Moves a whole list to another head, which must be empty.
void splice(TimerLink& from, TimerLink& to) {
  make_empty(to);
  if (is_empty(from)) return;
  to.next = from.next;
  to.previous = from.previous;
  to.next->previous = &to;
  to.previous->next = &to;
  make_empty(from);
}

}  // namespace

void Timer::cancel() {
  if (!is_scheduled()) return;
  unlink(*this);
  --wheel_->size_;
}

TimerWheel::Level::Level() {
  for (TimerLink& head : slots) make_empty(head);
}

TimerWheel::TimerWheel(TimePoint origin) : origin_(origin) {}

TimerWheel::~TimerWheel() {
  for (Level& level : levels_) {
    for (TimerLink& head : level.slots) {
      while (!is_empty(head)) unlink(*head.next);
    }
  }
}

std::uint64_t TimerWheel::tick_at_or_after(TimePoint time) const {
  if (time <= origin_) return 0;
  const Duration distance = time - origin_;
  return static_cast<std::uint64_t>(distance / kTick) + (distance % kTick != Duration::zero());
}

void TimerWheel::schedule(Timer& timer, TimePoint deadline) {
  timer.cancel();
  timer.wheel_ = this;
  timer.tick_ = std::max(tick_at_or_after(deadline), current_ + 1);
  insert(timer);
  ++size_;
}

void TimerWheel::insert(Timer& timer) {
  constexpr std::uint64_t kFarthest = (std::uint64_t{1} << (kSlotBits * kLevels)) - 1;
  // A deadline beyond the wheel waits in its last slot and is placed again when that comes round.
  const std::uint64_t tick = std::min(timer.tick_, current_ + kFarthest);
  const std::uint64_t distance = tick - current_;
  unsigned level = 0;
  while (level + 1 < kLevels && (distance >> (kSlotBits * (level + 1))) != 0) ++level;
  const auto slot = static_cast<unsigned>((tick >> (kSlotBits * level)) & (kSlots - 1));
  link_last(levels_[level].slots[slot], timer);
  levels_[level].occupied |= std::uint64_t{1} << slot;
}

void TimerWheel::cascade(unsigned level, unsigned slot) {
  TimerLink pending;
  splice(levels_[level].slots[slot], pending);
  levels_[level].occupied &= ~(std::uint64_t{1} << slot);
  while (!is_empty(pending)) {
    auto& timer = static_cast<Timer&>(*pending.next);
    unlink(timer);
    insert(timer);
  }
}

std::size_t TimerWheel::fire(unsigned slot) {
  TimerLink due;
  splice(levels_[0].slots[slot], due);
  levels_[0].occupied &= ~(std::uint64_t{1} << slot);
  std::size_t fired = 0;
  // If a callback throws, those that follow fire in the next tick.
  struct Rest {
    TimerWheel& wheel;
    TimerLink& due;
    ~Rest() {
      while (!is_empty(due)) {
        auto& timer = static_cast<Timer&>(*due.next);
        unlink(timer);
        timer.tick_ = wheel.current_ + 1;
        wheel.insert(timer);
      }
    }
  } const rest{*this, due};
  // One at a time from the front: a callback may cancel or destroy any of those that follow.
  while (!is_empty(due)) {
    auto& timer = static_cast<Timer&>(*due.next);
    timer.cancel();
    ++fired;
    timer.callback_(timer.context_);
  }
  return fired;
}

std::optional<std::uint64_t> TimerWheel::next_tick() const {
  std::optional<std::uint64_t> earliest;
  for (unsigned level = 0; level < kLevels; ++level) {
    const std::uint64_t base = (current_ >> (kSlotBits * level)) + 1;
    std::uint64_t occupied = levels_[level].occupied;
    occupied = std::rotr(occupied, static_cast<int>(base & (kSlots - 1)));
    while (occupied != 0) {
      const std::uint64_t position = base + static_cast<unsigned>(std::countr_zero(occupied));
      if (!is_empty(levels_[level].slots[position & (kSlots - 1)])) {
        const std::uint64_t tick = position << (kSlotBits * level);
        if (!earliest || tick < *earliest) earliest = tick;
        break;
      }
      occupied &= occupied - 1;
    }
  }
  return earliest;
}

std::size_t TimerWheel::advance(TimePoint now) {
  if (now <= origin_) return 0;
  const auto target = static_cast<std::uint64_t>((now - origin_) / kTick);
  std::size_t fired = 0;
  while (current_ < target) {
    const auto next = next_tick();
    if (!next || *next > target) {
      current_ = target;
      break;
    }
    current_ = *next;
    // From the highest level down, so that a timer trickles as far as its slot in one pass.
    for (unsigned level = kLevels - 1; level > 0; --level) {
      const std::uint64_t below = (std::uint64_t{1} << (kSlotBits * level)) - 1;
      if ((current_ & below) != 0) continue;
      cascade(level, static_cast<unsigned>((current_ >> (kSlotBits * level)) & (kSlots - 1)));
    }
    fired += fire(static_cast<unsigned>(current_ & (kSlots - 1)));
  }
  return fired;
}

std::optional<TimePoint> TimerWheel::next_deadline() const {
  const auto tick = next_tick();
  if (!tick) return std::nullopt;
  return origin_ + kTick * static_cast<Duration::rep>(*tick);
}

}  // namespace sigway::base
