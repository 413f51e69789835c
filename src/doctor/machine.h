#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

namespace sigway::doctor {

/// Whether this computer itself keeps still: how late a thread wakes up that wants to each 50 ms.
/// What is measured on a computer that cannot keep up says nothing about the network.
class MachineWatch {
 public:
  MachineWatch() : thread_([this] { run(); }) {}
  ~MachineWatch() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  MachineWatch(const MachineWatch&) = delete;
  MachineWatch& operator=(const MachineWatch&) = delete;

  /// {"ticks","late","worst"}, as web/doctor/examine.js has it.
  nlohmann::json report() const {
    const std::lock_guard lock(mutex_);
    return {{"ticks", ticks_}, {"late", late_}, {"worst", worst_}};
  }

 private:
  void run() {
    constexpr std::chrono::milliseconds kTick{50};
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto due = std::chrono::steady_clock::now() + kTick;
      if (changed_.wait_until(lock, due, [this] { return over_; })) return;
      const double by =
          std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - due).count();
      ++ticks_;
      if (by > static_cast<double>(kTick.count())) ++late_;
      if (by > worst_) worst_ = by;
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  int ticks_ = 0, late_ = 0;
  double worst_ = 0;
  std::thread thread_;
};

}  // namespace sigway::doctor
