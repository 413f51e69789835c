#include "ops/log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <string>

using namespace sigway::ops;

namespace {

// What `write` puts on standard error, where the log goes.
template <typename Write>
std::string captured(Write write) {
  std::FILE* const file = std::tmpfile();
  REQUIRE(file != nullptr);
  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  dup2(fileno(file), STDERR_FILENO);
  write();
  std::fflush(stderr);
  dup2(saved, STDERR_FILENO);
  close(saved);

  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file))
    text.push_back(static_cast<char>(c));
  std::fclose(file);
  return text;
}

}  // namespace

TEST_CASE("lines below the level are dropped") {
  set_log_level(LogLevel::warn);
  CHECK_FALSE(log_enabled(LogLevel::info));
  CHECK(log_enabled(LogLevel::warn));
  const auto text = captured([] {
    log_info("no {}", 1);
    log_warn("yes {}", 2);
  });
  CHECK(text.find("no 1") == std::string::npos);
  CHECK(text.find("yes 2\n") != std::string::npos);

  set_log_level(LogLevel::off);
  CHECK(captured([] { log_error("silence"); }).empty());
  CHECK_FALSE(log_enabled(LogLevel::off));
  set_log_level(LogLevel::info);
}

TEST_CASE("text from a client cannot forge a line, nor a format") {
  const std::string room = "a\nb\x1b[31m {} c";
  const auto text = captured([&] { log_info("room {}", room); });
  CHECK(text.find("room a?b?[31m {} c\n") != std::string::npos);
}
