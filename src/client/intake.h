#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

namespace sigway::client {

/// What a connection has brought and the client's thread has not taken yet. It is bounded: whoever
/// reads the connection waits while there is too much, and so does the other side, by TCP. A server
/// has less under way for a client that has acknowledged nothing: that one is read on, so that its
/// pings are answered however long a handler takes.
class Intake {
 public:
  static constexpr std::size_t kMost = std::size_t{8} << 20U;  ///< bytes, beside the last part

  /// Before a part is handed over; waits for room. Thread: the one that reads the connection.
  void bring(std::size_t part) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || bytes_ < kMost; });
    bytes_ += part + kEach;
  }
  /// That part has been dealt with. Thread: the client's.
  void take(std::size_t part) {
    {
      const std::lock_guard lock(mutex_);
      bytes_ -= part + kEach;
    }
    changed_.notify_one();
  }
  /// Nobody is to wait any more. Thread: any.
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    changed_.notify_one();
  }

 private:
  static constexpr std::size_t kEach = 256;  // for the task that hands a part over

  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t bytes_ = 0;
  bool closed_ = false;
};

}  // namespace sigway::client
