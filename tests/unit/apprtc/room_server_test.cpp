#include "apprtc/room_server.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace sigway::dialects::apprtc;  // NOLINT(google-build-using-namespace)

namespace {

const Visitor kVisitor{
    .base_url = "https://a.example:8080", .room = "r", .client = "01234567", .is_initiator = true};

}  // namespace

TEST_CASE("room server: where the client is to go") {
  const auto params = nlohmann::json::parse(parameters(kVisitor));
  CHECK(params["wss_url"] == "wss://a.example:8080/apprtc/ws");
  CHECK(params["wss_post_url"] == "https://a.example:8080/apprtc");
  CHECK(params["ice_server_url"] == "https://a.example:8080/apprtc/v1alpha/iceconfig");
  CHECK(params["room_link"] == "https://a.example:8080/apprtc/r/r");
  CHECK(params["room_id"] == "r");
  CHECK(params["client_id"] == "01234567");
  CHECK(params["is_initiator"] == "true");
  CHECK(nlohmann::json::parse(parameters({.base_url = "http://b"}))["wss_url"] ==
        "ws://b/apprtc/ws");
}

TEST_CASE("room server: texts of JSON are JSON") {
  const auto params = nlohmann::json::parse(parameters(kVisitor));
  for (const auto* name : {"pc_config", "pc_constraints", "offer_options", "media_constraints",
                           "is_loopback", "bypass_join_confirmation", "version_info"}) {
    CAPTURE(name);
    REQUIRE(params[name].is_string());
    CHECK(nlohmann::json::accept(params[name].get<std::string>()));
  }
}

TEST_CASE("room server: what is not known yet is not there") {
  const auto params = nlohmann::json::parse(parameters({.base_url = "http://b"}));
  for (const auto* name : {"room_id", "room_link", "client_id", "is_initiator", "messages"})
    CHECK_FALSE(params.contains(name));
}

TEST_CASE("room server: answers to a join") {
  const auto answer = nlohmann::json::parse(joined(kVisitor, R"(["a","b"])"));
  CHECK(answer["result"] == "SUCCESS");
  CHECK(answer["params"]["messages"] == nlohmann::json{"a", "b"});
  CHECK(answer["params"]["client_id"] == "01234567");
  CHECK(not_joined(Result::full) == R"({"result":"FULL","params":{"messages":[]}})");
  CHECK(not_joined(Result::duplicate_client) ==
        R"({"result":"DUPLICATE_CLIENT","params":{"messages":[]}})");
}

TEST_CASE("room server: answers to a message") {
  CHECK(answer(Result::success) == R"({"result":"SUCCESS"})");
  CHECK(answer(Result::unknown_room) == R"({"result":"UNKNOWN_ROOM"})");
  CHECK(answer(Result::unknown_client) == R"({"result":"UNKNOWN_CLIENT"})");
  CHECK(answer(Result::error) == R"({"result":"ERROR"})");
}

TEST_CASE("room server: ICE servers have arrays of addresses") {
  CHECK(ice_config("[]") == R"({"iceServers":[]})");
  CHECK(ice_config(R"([{"urls":"stun:a"}])") == R"({"iceServers":[{"urls":["stun:a"]}]})");
  CHECK(ice_config(R"([{"urls":["turn:a","turn:b"],"username":"u","credential":"c"},{}])") ==
        R"({"iceServers":[{"urls":["turn:a","turn:b"],"username":"u","credential":"c"},{}]})");
}

TEST_CASE("room server: ids") {
  for (const auto* id : {"a", "A-z_0", "00000000"}) CHECK(is_id(id));
  for (const auto* id : {"", "a b", "a.b", "a/b", "\xC3\xA9"}) CHECK_FALSE(is_id(id));
  CHECK(is_id(std::string(128, 'a')));
  CHECK_FALSE(is_id(std::string(129, 'a')));
  for (const auto* word : {"join", "message", "leave", "r", "params", "v1alpha", "ws", "status"})
    CHECK(is_reserved(word));
  for (const auto* word : {"Join", "joins", "", "rr"}) CHECK_FALSE(is_reserved(word));
}
