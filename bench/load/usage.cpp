#include "usage.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace sigway::load {
namespace {

std::filesystem::path folder(pid_t process) { return "/proc/" + std::to_string(process); }

}  // namespace

std::uint64_t cpu_time(const std::vector<pid_t>& processes) {
  std::uint64_t sum = 0;
  for (const auto process : processes) {
    for (const auto& task : std::filesystem::directory_iterator(folder(process) / "task")) {
      std::uint64_t nanoseconds = 0;
      if (std::ifstream(task.path() / "schedstat") >> nanoseconds) sum += nanoseconds;
    }
  }
  if (sum == 0 && !processes.empty()) {
    throw std::runtime_error("/proc/PID/task/*/schedstat shows no time: is CONFIG_SCHED_INFO on?");
  }
  return sum;
}

std::uint64_t resident_bytes(const std::vector<pid_t>& processes) {
  std::uint64_t sum = 0;
  for (const auto process : processes) {
    std::ifstream file(folder(process) / "smaps_rollup");
    std::uint64_t kibibytes = 0;
    for (std::string word; file >> word;) {
      if (word == "Rss:" && file >> kibibytes) break;
    }
    if (kibibytes == 0) {
      throw std::runtime_error("cannot read the memory of process " + std::to_string(process));
    }
    sum += kibibytes * 1024;
  }
  return sum;
}

}  // namespace sigway::load
