#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace sigway::base {

// What a session and the connection that it writes to know of each other's queue when they live on
// two shards: how much is on its way between them, and how much the connection has waiting. The
// session side is the writer's. Thread: any.
class Flow {
 public:
  // Bytes that may wait for a client in all before its sessions should write no more.
  static constexpr std::size_t kQueue = std::size_t{64} * 1024;

  // -- The session's side.

  // How much may still be written. 0: `drained` says when there is room.
  std::size_t room() noexcept {
    const auto left = [this] { return kQueue - std::min(kQueue, waiting()); };
    if (const auto room = left()) return room;
    // Looked at again, because the queue may have run empty before the flag could be seen.
    starved_ = true;
    const auto room = left();
    if (room != 0) starved_ = false;
    return room;
  }
  // What was written and has not been sent. Not 0: `drained` says when all is sent.
  std::size_t unsent() noexcept {
    if (waiting() == 0) return 0;
    starved_ = true;
    // As above.
    const auto unsent = waiting();
    if (unsent == 0) starved_ = false;
    return unsent;
  }
  // So much is on its way now.
  void set_out(std::size_t bytes) noexcept { in_transit_ += bytes; }

  // -- The connection's side.

  void set_queued(std::size_t bytes) noexcept { queued_ = bytes; }
  // What had set out has come. After `set_queued`, so that it is never counted nowhere.
  void arrived(std::size_t bytes) noexcept { in_transit_ -= bytes; }
  // Nothing is queued. True: the session wants to hear of it.
  bool drained() noexcept {
    queued_ = 0;
    return starved_.exchange(false);
  }

 private:
  std::size_t waiting() const noexcept { return in_transit_ + queued_; }

  std::atomic<std::size_t> in_transit_{0};
  std::atomic<std::size_t> queued_{0};  // when last looked at
  std::atomic<bool> starved_{false};    // the session waits
};

}  // namespace sigway::base
