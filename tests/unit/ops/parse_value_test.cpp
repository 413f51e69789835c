#include "ops/parse_value.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sigway::ops;
using namespace std::chrono_literals;

TEST_CASE("numbers are digits and nothing else") {
  CHECK(parse_number("0") == 0);
  CHECK(parse_number("18446744073709551615") == 18446744073709551615U);
  for (const auto* text : {"", " 1", "1 ", "+1", "-1", "1.5", "0x10", "18446744073709551616"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number(text).has_value());
  }
}

TEST_CASE("durations have a unit or are seconds") {
  CHECK(parse_duration("25s") == 25s);
  CHECK(parse_duration("500ms") == 500ms);
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("1h") == 1h);
  CHECK(parse_duration("10") == 10s);
  CHECK(parse_duration("0") == 0s);
  for (const auto* text : {"", "s", "1d", "1 s", "1S", "-1s", "1.5s", "1m30s",
                           "9223372036854775807s", "99999999999999999999ms"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text).has_value());
  }
}

TEST_CASE("sizes have a binary unit or are bytes") {
  CHECK(parse_size("64KiB") == 65536);
  CHECK(parse_size("4MiB") == 4194304);
  CHECK(parse_size("1GiB") == 1073741824);
  CHECK(parse_size("512B") == 512);
  CHECK(parse_size("512") == 512);
  for (const auto* text : {"", "KiB", "1KB", "1K", "1 MiB", "-1", "1.5MiB", "99999999999GiB"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text).has_value());
  }
}

TEST_CASE("lists are split at commas, but not inside JSON") {
  using Parts = std::vector<std::string>;
  CHECK(split_list("") == Parts{});
  CHECK(split_list(" , ,") == Parts{});
  CHECK(split_list("a") == Parts{"a"});
  CHECK(split_list("a, b ,c") == Parts{"a", "b", "c"});
  CHECK(split_list(R"({"urls": ["a", "b"], "username": "x,}"}, stun:c)") ==
        Parts{R"({"urls": ["a", "b"], "username": "x,}"})", "stun:c"});
  CHECK(split_list(R"({"a": "\",}"},b)") == Parts{R"({"a": "\",}"})", "b"});
  CHECK(split_list("}a,b") == Parts{"}a", "b"});
}

TEST_CASE("addresses and ranges") {
  CHECK(is_address("127.0.0.1"));
  CHECK(is_address("::1"));
  CHECK_FALSE(is_address("localhost"));
  CHECK_FALSE(is_address("[::1]"));
  CHECK_FALSE(is_address("127.0.0.1 "));
  CHECK_FALSE(is_address(""));

  CHECK(is_address_range("10.0.0.0/8"));
  CHECK(is_address_range("fd00::/128"));
  CHECK(is_address_range("::1"));
  CHECK_FALSE(is_address_range("10.0.0.0/33"));
  CHECK_FALSE(is_address_range("::/129"));
  CHECK_FALSE(is_address_range("10.0.0.0/"));
  CHECK_FALSE(is_address_range("10.0.0.0/-1"));
  CHECK_FALSE(is_address_range("ten/8"));
}

TEST_CASE("hosts and origins") {
  CHECK(is_host("example.org"));
  CHECK(is_host("gateway.lan:8080"));
  CHECK(is_host("[::1]:8080"));
  CHECK(is_host("[::1]"));
  for (const auto* text : {"", ":80", "a:", "a:0", "a:65536", "a:b", "a/b", "a b", "[::1", "[x]:1",
                           "[::1]80", "::1"}) {
    CAPTURE(text);
    CHECK_FALSE(is_host(text));
  }

  CHECK(is_origin("https://example.org"));
  CHECK(is_origin("http://127.0.0.1:8080"));
  for (const auto* text :
       {"https://example.org", "capacitor://localhost", "tauri://localhost", "app://obsidian.md",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb", "http://[2001:db8::1]:8080",
        "moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc", "vscode-webview://0l1d2k3",
        "file://"}) {
    CAPTURE(text);
    CHECK(is_page_origin(text));
  }
  for (const auto* text :
       {"", "://", "://a", "capacitor", "capacitor://", "9p://host", "a b://host",
        "Capacitor://localhost", "capacitor://localhost/path", "file:///tmp"}) {
    CAPTURE(text);
    CHECK_FALSE(is_page_origin(text));
  }
  for (const auto* text : {"", "null", "*", "example.org", "https://", "https://a/", "https://a/b",
                           "https://u@a", "ws://a", "https://a,https://b"}) {
    CAPTURE(text);
    CHECK_FALSE(is_origin(text));
  }
}

TEST_CASE("an ICE server is a STUN URL or a JSON object that a browser takes") {
  CHECK_FALSE(ice_server_problem("stun:stun.example.org:3478"));
  CHECK_FALSE(ice_server_problem("stuns:stun.example.org"));
  CHECK_FALSE(ice_server_problem(R"({"urls": "stun:a"})"));
  CHECK_FALSE(ice_server_problem(
      R"({"urls": ["turn:a?transport=udp", "turns:a"], "username": "u", "credential": "c"})"));

  // RTCPeerConnection's constructor throws on each of these.
  CHECK(ice_server_problem("turn:turn.example.org"));
  CHECK(ice_server_problem(R"({"urls": "turn:a"})"));
  CHECK(ice_server_problem(R"({"urls": "turn:a", "username": "u", "credential": 1})"));
  CHECK(ice_server_problem(R"({"urls": "http://a"})"));
  CHECK(ice_server_problem(R"({"urls": []})"));
  CHECK(ice_server_problem(R"({"urls": [1]})"));
  CHECK(ice_server_problem(R"({"urls": 1})"));
  CHECK(ice_server_problem("{}"));
  CHECK(ice_server_problem("{\"urls\": "));
  CHECK(ice_server_problem("example.org"));
}

TEST_CASE("paths of a URL, and their segments") {
  for (const auto* text : {"/", "/peerjs", "/a/b.c/~d_e-f", "/..."}) CHECK(is_url_path(text));
  for (const auto* text :
       {"", "peerjs", "//", "/a/", "/a//b", "/a b", "/a?b", "/a%20b", "/..", "/a/./b", "/ž", "/a*"})
    CHECK_FALSE(is_url_path(text));
  CHECK(is_url_segment("peerjs"));
  for (const auto* text : {"", ".", "..", "a/b", "a b", "a&b"}) CHECK_FALSE(is_url_segment(text));
}
