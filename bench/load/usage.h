#pragma once

#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace sigway::load {

/// Nanoseconds that all threads of these processes have run, by /proc/PID/task/*/schedstat.
std::uint64_t cpu_time(const std::vector<pid_t>& processes);

/// Bytes of memory that the processes hold resident, by /proc/PID/smaps_rollup.
std::uint64_t resident_bytes(const std::vector<pid_t>& processes);

}  // namespace sigway::load
