#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/rate_gate.h"
#include "http/response.h"

namespace sigway::server {

/// Logs requests that the access policy refuses: without it, a missing --allow-origin shows only in
/// the refused page. Clients can cause any number of refusals, so the same one is logged once a
/// minute, and all together no faster than `kRate`; the next line says how many were left out.
/// Thread: any.
class RefusalLog {
 public:
  static constexpr base::RateLimit kRate{.per_second = 0.2, .burst = 10};
  static constexpr base::Duration kRepeat = std::chrono::minutes(1);
  /// Bytes of each sentence in a line: the client chooses the origin that they quote.
  static constexpr std::size_t kMostBytes = 512;

  /// `write` gets one line, while a lock is held.
  explicit RefusalLog(std::function<void(const std::string& line)> write)
      : write_(std::move(write)) {}

  /// `client` is the address that the request came from.
  void refused(const http::Problem& problem, const std::string& client, base::TimePoint now);

 private:
  struct Told {
    std::uint64_t what = 0;  // a hash of the sentence
    base::TimePoint until = base::TimePoint::min();
  };

  const std::function<void(const std::string&)> write_;
  std::mutex mutex_;
  base::RateGate gate_;
  std::array<Told, 64> told_{};
  std::uint64_t left_out_ = 0;
};

}  // namespace sigway::server
