#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>

namespace sigway::doctor {

/// How find_largest_upload() asks.
struct UploadProbe {
  /// One body of that size, again where it failed by chance: {"kind","ms","status","report"}.
  std::function<nlohmann::json(std::size_t)> insist;
  /// Whether a body of one byte is answered just now.
  std::function<bool()> passes_one_byte;
  std::function<bool()> is_over;      ///< whether the time for this is up
  std::chrono::milliseconds request;  ///< for an answer
};

/// How large the body of a request may be, up to 256 KiB: the measurement "post",
/// {"largest","refused","status","reason","steps"}. Doubles until a size is refused, then halves
/// what is between. Thread: the caller's, which it blocks until it is done or the time is up.
nlohmann::json find_largest_upload(const UploadProbe& probe);

}  // namespace sigway::doctor
