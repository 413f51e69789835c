#include "ops/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <algorithm>
#include <memory>
#include <string>

namespace sigway::ops {
namespace {

spdlog::level::level_enum to_spdlog(LogLevel level) {
  switch (level) {
    case LogLevel::trace: return spdlog::level::trace;
    case LogLevel::debug: return spdlog::level::debug;
    case LogLevel::info: return spdlog::level::info;
    case LogLevel::warn: return spdlog::level::warn;
    case LogLevel::error: return spdlog::level::err;
    case LogLevel::off: return spdlog::level::off;
  }
  return spdlog::level::off;
}

// Never destroyed, so that a thread that is late in shutting down may still log.
spdlog::logger& logger() {
  static auto* const kLogger = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    auto made = std::make_unique<spdlog::logger>("sigway", std::move(sink));
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc));
    made->set_level(spdlog::level::info);
    made->flush_on(spdlog::level::trace);
    return made.release();
  }();
  return *kLogger;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

}  // namespace

void set_log_level(LogLevel level) { logger().set_level(to_spdlog(level)); }

bool log_enabled(LogLevel level) {
  return level != LogLevel::off && logger().should_log(to_spdlog(level));
}

void write_log(LogLevel level, std::string_view line) {
  if (!log_enabled(level)) return;
  if (std::none_of(line.begin(), line.end(), is_control)) {
    logger().log(to_spdlog(level), line);
    return;
  }
  std::string clean{line};
  std::replace_if(clean.begin(), clean.end(), is_control, '?');
  logger().log(to_spdlog(level), clean);
}

}  // namespace sigway::ops
