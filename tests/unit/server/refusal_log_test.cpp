#include "server/refusal_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace sigway;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;

namespace {

http::Problem refused(const std::string& origin) {
  return {403, "origin_refused", "No pages of " + origin + ".", "Name " + origin + "."};
}

}  // namespace

TEST_CASE("a refusal is logged with its hint, once a minute, with the number of those left out") {
  std::vector<std::string> lines;
  server::RefusalLog log([&](const std::string& line) { lines.push_back(line); });
  base::TimePoint now{1h};
  for (int i = 0; i < 5; ++i) log.refused(refused("http://a.test"), "10.0.0.1", now += 1s);
  REQUIRE(lines.size() == 1);
  CHECK(lines[0] ==
        "No pages of http://a.test. Hint: Name http://a.test. (origin_refused, client 10.0.0.1)");
  log.refused(refused("http://b.test"), "10.0.0.1", now += 1s);
  REQUIRE(lines.size() == 2);
  CHECK(lines[1].ends_with("client 10.0.0.1; 4 earlier refusals were not logged)"));
  now += 1min;
  log.refused(refused("http://a.test"), "10.0.0.1", now);
  REQUIRE(lines.size() == 3);
  CHECK(lines[2].ends_with("client 10.0.0.1)"));
}

TEST_CASE("refusals that differ each time do not flood the log") {
  std::size_t lines = 0;
  std::size_t longest = 0;
  server::RefusalLog log([&](const std::string& line) {
    ++lines;
    longest = std::max(longest, line.size());
  });
  base::TimePoint now{1h};
  for (int i = 0; i < 6000; ++i)
    log.refused(refused(std::to_string(i) + std::string(8000, 'x')), "10.0.0.1", now += 10ms);
  CHECK(lines <= 22);  // ten, and one each five seconds of the minute
  CHECK(lines >= 20);
  CHECK(longest < 1200);
}

TEST_CASE("a long refusal is cut between two characters") {
  std::string line;
  server::RefusalLog log([&](const std::string& written) { line = written; });
  std::string origin;
  for (int i = 0; i < 300; ++i) origin += "ä";
  log.refused(refused(origin), "10.0.0.1", base::TimePoint{1h});
  const auto cut = line.find("…");
  REQUIRE(cut != std::string::npos);
  CHECK(cut <= server::RefusalLog::kMostBytes);
  CHECK(line.substr(cut - 2, 2) == "ä");
}
