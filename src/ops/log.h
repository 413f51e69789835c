#pragma once

#include <spdlog/fmt/fmt.h>

#include <string_view>
#include <utility>

// The server's log: lines on standard error, one an event, in UTC. Standard output belongs to the
// one line that says where the server listens.
//
// Any thread may log; a line is written whole. Never pass a session key, a stream ticket or a
// payload: a peer id, a room and a client's address are enough to follow a session. Control
// characters in a line are replaced, so that text from a client cannot forge a line of its own.
namespace sigway::ops {

enum class LogLevel { trace, debug, info, warn, error, off };

// Lines below `level` are dropped from now on. Any thread; info until called.
void set_log_level(LogLevel level);

// Whether a line of this level would be written: for arguments that are dear to compute.
bool log_enabled(LogLevel level);

// Writes one finished line.
void write_log(LogLevel level, std::string_view line);

namespace detail {
template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(level)) write_log(level, fmt::format(format, std::forward<Args>(args)...));
}
}  // namespace detail

// log_info("shard {}: {} sessions", shard, count). A wrong format does not compile.
template <typename... Args>
void log_trace(fmt::format_string<Args...> format, Args&&... args) {
  detail::log<Args...>(LogLevel::trace, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  detail::log<Args...>(LogLevel::debug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  detail::log<Args...>(LogLevel::info, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  detail::log<Args...>(LogLevel::warn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
  detail::log<Args...>(LogLevel::error, format, std::forward<Args>(args)...);
}

}  // namespace sigway::ops
