#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"

struct epoll_event;

namespace sigway::net {

class Poller;

// What has happened to a watched descriptor.
struct Ready {
  bool readable = false;  // bytes, the end of the stream or an error wait to be read
  bool writable = false;  // the socket takes bytes again, or writing would fail
  // More than bytes has come: the peer's end, an error, urgent data. A read that returns less than
  // was asked for does not mean that the socket is empty then, and no other event follows.
  bool beyond_bytes = false;
};

// How often a state is told. `edge`: once when it begins, so whoever is told reads or writes until
// the kernel says that there is no more. `level`: in each wait for as long as it lasts.
enum class Trigger : std::uint8_t { edge, level };

// One descriptor in a poller, registered once. Owned by whoever wants its events, as a member:
//
//   net::Watch watch_ = net::Watch::calling<&Connection::on_ready>(this);
//
// Lifetime: the owner (`context`) outlives the watch, and the poller does, too. Once `stop` has
// returned the callback is not called, not even for what the last wait has found already; so the
// owner may be destroyed in the middle of a batch, by its own callback or by another one's.
// Thread: the poller's.
class Watch {
 public:
  using Callback = void (*)(void* context, Ready ready);

  Watch(Callback callback, void* context) : callback_(callback), context_(context) {}
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  template <auto Method, class Owner>
  static Watch calling(Owner* owner) {
    return Watch([](void* context, Ready ready) { (static_cast<Owner*>(context)->*Method)(ready); },
                 owner);
  }

  // Watches `descriptor` for reading. Whether it is ready now is told by the next wait. Throws
  // std::bad_alloc when there is no memory for it, or the user's limit of watched descriptors
  // (/proc/sys/fs/epoll/max_user_watches) is reached; it is not watched then.
  void start(Poller& poller, int descriptor, Trigger trigger);
  bool is_started() const { return poller_ != nullptr; }

  // Watches for writing, too. If the socket takes bytes already, the next wait says so. By edge it
  // is said again only after a write has found the socket full.
  void add_writing();
  // Of a descriptor by level: tells nothing until `resume`.
  void pause();
  void resume();

  // Makes no system call: the kernel forgets the descriptor when it is closed, which the owner does
  // soon. What it still reports until then finds nobody.
  void stop() noexcept;

 private:
  friend class Poller;
  void change(std::uint32_t events);

  Callback callback_;
  void* context_;
  Poller* poller_ = nullptr;
  int descriptor_ = -1;
  std::uint32_t slot_ = 0;
  std::uint32_t events_ = 0;
};

// The wait of an event loop: an epoll set. `wait` only notes what is ready; `dispatch` then tells
// it, so that other work can come between. Thread: one, except `wake`.
class Poller {
 public:
  // Tells at most `batch` descriptors for each wait; the others come first in the next one. Throws
  // std::system_error without a descriptor for it.
  explicit Poller(std::size_t batch);
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // Waits until a descriptor is ready, `wake` is called or `longest` is over: up to a millisecond
  // longer, never shorter. Returns earlier on a signal. Nothing of the last batch is left.
  void wait(base::Duration longest);

  // Calls back for the next descriptor of the batch; false when there is none. What a callback
  // throws passes through, and the next call goes on after it.
  bool dispatch();

  // Ends the wait that runs, or else keeps the next one from waiting. A system call only if the
  // poller sleeps. Any thread. Allocates nothing.
  void wake() noexcept;

 private:
  friend class Watch;

  // A name in the kernel's set is a slot and its generation. What is reported for a watch that has
  // stopped names a generation that is over, also when the slot or the descriptor is in use again.
  struct Slot {
    Watch* watch = nullptr;
    std::uint32_t generation = 1;
    std::uint32_t next_free = 0;
  };

  std::uint64_t take_slot(Watch& watch);
  void release_slot(std::uint32_t slot) noexcept;

  const std::size_t batch_;
  const std::unique_ptr<epoll_event[]> events_;
  std::size_t count_ = 0;
  std::size_t next_ = 0;
  std::vector<Slot> slots_;
  std::uint32_t first_free_;
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<bool> is_awaited_{false};  // a wake that no wait has answered yet
  std::atomic<bool> is_asleep_{false};
};

}  // namespace sigway::net
