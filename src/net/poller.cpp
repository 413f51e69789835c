#include "net/poller.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <limits>
#include <new>
#include <system_error>

namespace sigway::net {

namespace {

constexpr std::uint32_t kNoSlot = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kWake = std::numeric_limits<std::uint64_t>::max();

constexpr std::uint32_t kReading = EPOLLIN | EPOLLRDHUP | EPOLLPRI;
constexpr std::uint32_t kBeyondBytes = EPOLLRDHUP | EPOLLHUP | EPOLLERR | EPOLLPRI;

std::uint64_t name_of(std::uint32_t slot, std::uint32_t generation) {
  return std::uint64_t{generation} << 32U | slot;
}

int to_milliseconds(base::Duration longest) {
  using std::chrono::milliseconds;
  // Upwards: a wait that ends before its timer is due would be repeated until it is.
  const auto rounded = std::chrono::ceil<milliseconds>(longest).count();
  return static_cast<int>(
      std::clamp<milliseconds::rep>(rounded, 0, std::numeric_limits<int>::max()));
}

[[noreturn]] void throw_error(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void Watch::start(Poller& poller, int descriptor, Trigger trigger) {
  epoll_event event{};
  event.events = kReading | (trigger == Trigger::edge ? std::uint32_t{EPOLLET} : 0U);
  event.data.u64 = poller.take_slot(*this);
  if (::epoll_ctl(poller.epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) {
    const int error = errno;
    poller.release_slot(slot_);
    if (error == ENOMEM || error == ENOSPC) throw std::bad_alloc();
    throw std::system_error(error, std::generic_category(), "epoll_ctl");
  }
  poller_ = &poller;
  descriptor_ = descriptor;
  events_ = event.events;
}

void Watch::add_writing() { change(events_ | EPOLLOUT); }
void Watch::pause() { change(events_ & ~kReading); }
void Watch::resume() { change(events_ | kReading); }

// Also when nothing changes: the kernel then looks again at what is ready.
void Watch::change(std::uint32_t events) {
  if (!poller_) return;
  events_ = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = name_of(slot_, poller_->slots_[slot_].generation);
  // It needs no memory, and the descriptor is in the set: it does not fail.
  (void)::epoll_ctl(poller_->epoll_, EPOLL_CTL_MOD, descriptor_, &event);
}

void Watch::stop() noexcept {
  if (!poller_) return;
  poller_->release_slot(slot_);
  poller_ = nullptr;
}

Poller::Poller(std::size_t batch)
    : batch_(batch),
      events_(std::make_unique<epoll_event[]>(batch)),
      first_free_(kNoSlot),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw_error("epoll_create1");
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  epoll_event event{};
  // By edge, so that it need not be read: each write is told once.
  event.events = EPOLLIN | EPOLLET;
  event.data.u64 = kWake;
  if (wake_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    const int error = errno;
    if (wake_ >= 0) ::close(wake_);
    ::close(epoll_);
    errno = error;
    throw_error("eventfd");
  }
}

Poller::~Poller() {
  ::close(wake_);
  ::close(epoll_);
}

std::uint64_t Poller::take_slot(Watch& watch) {
  if (first_free_ == kNoSlot) {
    slots_.emplace_back();
    slots_.back().next_free = kNoSlot;
    first_free_ = static_cast<std::uint32_t>(slots_.size() - 1);
  }
  const std::uint32_t index = first_free_;
  Slot& slot = slots_[index];
  first_free_ = slot.next_free;
  slot.watch = &watch;
  watch.slot_ = index;
  return name_of(index, slot.generation);
}

void Poller::release_slot(std::uint32_t index) noexcept {
  Slot& slot = slots_[index];
  slot.watch = nullptr;
  ++slot.generation;
  slot.next_free = first_free_;
  first_free_ = index;
}

// Either `wake` sees that the poller sleeps, or the poller sees the wake before it sleeps: each
// writes its own flag before it reads the other's, all in one order.
void Poller::wait(base::Duration longest) {
  next_ = count_ = 0;
  int timeout = to_milliseconds(longest);
  if (timeout > 0) {
    is_asleep_.store(true);
    if (is_awaited_.load()) timeout = 0;
  }
  const int count = ::epoll_wait(epoll_, events_.get(), static_cast<int>(batch_), timeout);
  is_asleep_.store(false, std::memory_order_relaxed);
  // Before the caller looks at what it was woken for.
  is_awaited_.exchange(false);
  count_ = count > 0 ? static_cast<std::size_t>(count) : 0;
}

bool Poller::dispatch() {
  while (next_ < count_) {
    const epoll_event event = events_[next_++];
    if (event.data.u64 == kWake) continue;
    const Slot& slot = slots_[static_cast<std::uint32_t>(event.data.u64)];
    if (slot.generation != event.data.u64 >> 32U || !slot.watch) continue;
    const Ready ready{
        .readable = (event.events & (kReading | kBeyondBytes)) != 0,
        .writable = (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0,
        .beyond_bytes = (event.events & kBeyondBytes) != 0,
    };
    slot.watch->callback_(slot.watch->context_, ready);
    return true;
  }
  return false;
}

void Poller::wake() noexcept {
  if (is_awaited_.exchange(true) || !is_asleep_.load()) return;
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}

}  // namespace sigway::net
