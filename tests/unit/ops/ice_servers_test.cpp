#include "ops/ice_servers.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

namespace sigway::ops {
namespace {

TEST_CASE("a TURN credential is the base64 of the HMAC-SHA1 of its user name") {
  // Worked out with: printf '1700000000:alice' | openssl dgst -sha1 -hmac secret -binary | base64
  const auto made = make_turn_credential("secret", "alice", 1700000000);
  CHECK(made.username == "1700000000:alice");
  CHECK(made.credential == "d8soP47RbdIKLDUOpnJPVQyq5Ts=");
}

TEST_CASE(
    "clients are told the fixed servers, and the TURN servers with a credential of their own") {
  auto config = default_config();
  CHECK(IceServers(config).json_for("p", 0) == "[]");
  config.ice_server = {"stun:stun.example.org",
                       R"({"urls":["turn:a"],"username":"u","credential":"c"})"};
  config.turn_server = {"turn:t.example.org:3478?transport=udp", "turns:t.example.org"};
  config.turn_secret = "s\"ecret";
  config.turn_lifetime = std::chrono::hours(1);
  const auto servers = nlohmann::json::parse(IceServers(config).json_for("peer1", 1000));
  REQUIRE(servers.size() == 3);
  CHECK(servers[0]["urls"] == "stun:stun.example.org");
  CHECK(servers[1]["credential"] == "c");
  CHECK(servers[2]["urls"].size() == 2);
  CHECK(servers[2]["username"] == "4600:peer1");
  CHECK(servers[2]["credential"] == make_turn_credential("s\"ecret", "peer1", 4600).credential);
}

}  // namespace
}  // namespace sigway::ops
