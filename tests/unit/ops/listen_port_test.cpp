#include "ops/listen_port.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using namespace sigway::ops;

namespace {

std::string problem_of(std::string_view text) {
  const auto parsed = parse_listen_port(text);
  const auto* const problem = std::get_if<std::string>(&parsed);
  return problem ? *problem : std::string();
}

}  // namespace

TEST_CASE("a further port has an address and a dialect, or goes without") {
  const std::vector<std::pair<std::string, ListenPort>> values{
      {"1337", {"", 1337, ""}},
      {"0", {"", 0, ""}},
      {"65535", {"", 65535, ""}},
      {"1337=raw", {"", 1337, "raw"}},
      {"0.0.0.0:1337", {"0.0.0.0", 1337, ""}},
      {"10.0.0.1:1337=y-webrtc", {"10.0.0.1", 1337, "y-webrtc"}},
      {"[::1]:1337", {"::1", 1337, ""}},
      {"[::]:0=v2", {"::", 0, "v2"}},
  };
  for (const auto& [text, expected] : values) {
    const auto& shown = text;  // clang 14 lets no lambda capture a structured binding
    CAPTURE(shown);
    const auto parsed = parse_listen_port(text);
    REQUIRE(std::holds_alternative<ListenPort>(parsed));
    CHECK(std::get<ListenPort>(parsed) == expected);
    CHECK(to_string(expected) == text);
  }
}

TEST_CASE("a wrong port is answered with what to write") {
  for (const auto* text : {"", "http", "-1", "65536", "1337 ", "1337x", "127.0.0.1:", "[::1]:"}) {
    CAPTURE(text);
    CHECK(problem_of(text).starts_with("a port from 0 to 65535, like 1337 or "));
  }
  CHECK(problem_of("[::1]:http=raw") ==
        "a port from 0 to 65535, like 1337 or [::1]:1337=DIALECT, not 'http'");
  CHECK(problem_of("127.0.0.1=raw") == "a port after the address, like 127.0.0.1:1337");
  CHECK(problem_of("[::1]") == "a port after the address, like [::1]:1337");
}

TEST_CASE("a wrong address is answered with what to write") {
  for (const auto* text : {"localhost:1337", ":1337", "[]:1337", "[127.0.0.1]:1337", "[::1:1337",
                           "::1]:1337", "fe80::1%eth0:1337", "1:2:1337"}) {
    CAPTURE(text);
    CHECK(problem_of(text).starts_with("an address like 0.0.0.0 or [::1] before the port"));
  }
  CHECK(problem_of("localhost:1337").ends_with("not 'localhost'"));
  CHECK(problem_of("::1:1337") == "an IPv6 address in brackets, like [::1]:1337");
}

TEST_CASE("a wrong dialect is answered with what to write") {
  CHECK(problem_of("1337=") == "a dialect after the = of '1337=', or leave the = out");
  for (const auto* text : {"1337=Raw", "1337=a b", "1337=a=b", "1337=/raw", "1337= raw"}) {
    CAPTURE(text);
    CHECK(problem_of(text).starts_with("a dialect of small letters, digits and '-' after the ="));
  }
}

TEST_CASE("a port is found that is there twice, however it is written") {
  const auto duplicate = [](std::vector<ListenPort> ports) {
    const auto* const found = find_duplicate(ports, "127.0.0.1", 8080);
    return found ? to_string(*found) : std::string();
  };
  CHECK(duplicate({}).empty());
  CHECK(duplicate({{"", 1, ""}, {"", 2, ""}, {"127.0.0.2", 1, ""}}).empty());
  CHECK(duplicate({{"", 0, ""}, {"", 0, ""}}).empty());
  CHECK(duplicate({{"", 1, ""}, {"", 1, "raw"}}) == "1=raw");
  CHECK(duplicate({{"", 1, ""}, {"127.0.0.1", 1, ""}}) == "127.0.0.1:1");
  CHECK(duplicate({{"::1", 1, ""}, {"0::0:1", 1, ""}}) == "[0::0:1]:1");
  CHECK(duplicate({{"", 8080, ""}}) == "8080");
}
