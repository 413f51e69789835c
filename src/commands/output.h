#pragma once

#include <atomic>
#include <cstdio>
#include <string_view>

namespace sigway::commands {

/// A line on standard output, written through at once. False, also from then on, if nobody reads.
inline bool print_line(std::string_view line) {
  static std::atomic<bool> broken{false};
  if (broken) return false;
  broken = std::fwrite(line.data(), 1, line.size(), stdout) != line.size() ||
           std::fputc('\n', stdout) == EOF || std::fflush(stdout) != 0;
  return !broken;
}

}  // namespace sigway::commands
