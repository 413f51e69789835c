#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>

namespace sigway::dialects::socketio {

/// What a session and its engine, which may live on two shards, know of each other. Thread: any.
class Flow {
 public:
  /// Bytes that may wait for a client before its sessions should: those in its engine and in its
  /// connection together.
  static constexpr std::size_t kQueue = 64U << 10U;

  // -- The session's side.

  /// How much the engine still takes. 0: it says when there is room.
  std::size_t room() noexcept {
    const auto left = [this] { return kQueue - std::min(kQueue, waiting()); };
    if (const auto room = left()) return room;
    // Looked at again, because the queue may have run empty before the flag could be seen.
    starved_ = true;
    const auto room = left();
    if (room != 0) starved_ = false;
    return room;
  }
  /// What has not been sent yet. Not 0: the engine says when all is sent.
  std::size_t unsent() noexcept {
    if (waiting() == 0) return 0;
    starved_ = true;
    // As above.
    const auto unsent = waiting();
    if (unsent == 0) starved_ = false;
    return unsent;
  }
  void set_out(std::size_t bytes) noexcept { in_transit_ += bytes; }

  // -- The engine's side.

  /// What had set out has come, and so much waits now.
  void arrived(std::size_t bytes, std::size_t queued) noexcept {
    queued_ = queued;
    in_transit_ -= bytes;
  }
  /// So much waits now. True: the session wants to hear of it.
  bool update(std::size_t queued) noexcept {
    queued_ = queued;
    return queued == 0 && starved_.exchange(false);
  }

 private:
  std::size_t waiting() const noexcept { return in_transit_ + queued_; }

  std::atomic<std::size_t> in_transit_{0};  // from the session's shard to the engine's
  std::atomic<std::size_t> queued_{0};      // in the engine and its connection, when last looked at
  std::atomic<bool> starved_{false};
};

}  // namespace sigway::dialects::socketio
