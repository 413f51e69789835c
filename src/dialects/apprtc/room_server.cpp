#include "apprtc/room_server.h"

#include <algorithm>
#include <array>

#include "dialects/grammar.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::apprtc {
namespace {

std::string_view to_string(Result result) {
  switch (result) {
    case Result::success: return "SUCCESS";
    case Result::full: return "FULL";
    case Result::duplicate_client: return "DUPLICATE_CLIENT";
    case Result::unknown_room: return "UNKNOWN_ROOM";
    case Result::unknown_client: return "UNKNOWN_CLIENT";
    case Result::error: break;
  }
  return "ERROR";
}

/// http: becomes ws:, https: becomes wss:.
std::string socket_url(const std::string& base_url) {
  return "ws" + base_url.substr(std::min<std::size_t>(4, base_url.size()));
}

/// All but the end of the object.
void write_parameters(JsonWriter& json, const Visitor& visitor) {
  const auto root = visitor.base_url + std::string(kRoot);
  json.raw("error_messages", "[]").raw("warning_messages", "[]").text("header_message", "");
  // Texts of JSON in the original, too.
  json.text("is_loopback", "false")
      .text("pc_config",
            R"({"rtcpMuxPolicy":"require","bundlePolicy":"max-bundle","iceServers":[]})")
      .text("pc_constraints", R"({"optional":[]})")
      .text("offer_options", "{}")
      .text("media_constraints", R"({"audio":true,"video":true})")
      .text("bypass_join_confirmation", "false")
      .text("version_info", "null");
  json.text("include_loopback_js", "").text("ice_server_transports", "");
  json.text("ice_server_url", root + "/v1alpha/iceconfig")
      .text("wss_url", socket_url(root) + "/ws")
      .text("wss_post_url", root);
  if (!visitor.room.empty())
    json.text("room_id", visitor.room).text("room_link", root + "/r/" + visitor.room);
  json.optional_text("client_id", visitor.client);
  if (visitor.is_initiator) json.text("is_initiator", *visitor.is_initiator ? "true" : "false");
}

void append_server(std::string& out, std::string_view server) {
  out += '{';
  JsonCursor cursor(server);
  cursor.begin_object();
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    if (out.back() != '{') out += ',';
    out.append(key.bytes) += ':';
    const bool is_single = key.bytes == R"("urls")" && value.kind == JsonValue::Kind::string;
    if (is_single) out += '[';
    out += value.bytes;
    if (is_single) out += ']';
  }
  out += '}';
}

}  // namespace

std::string parameters(const Visitor& visitor) {
  std::string out;
  JsonWriter json(out);
  write_parameters(json, visitor);
  json.close();
  return out;
}

std::string joined(const Visitor& visitor, std::string_view messages) {
  std::string out;
  JsonWriter json(out);
  json.text("result", to_string(Result::success)).key("params");
  JsonWriter parameters(out);
  write_parameters(parameters, visitor);
  parameters.raw("messages", messages).close();
  json.close();
  return out;
}

std::string not_joined(Result why) {
  std::string out;
  JsonWriter(out).text("result", to_string(why)).raw("params", R"({"messages":[]})").close();
  return out;
}

std::string answer(Result result) {
  std::string out;
  JsonWriter(out).text("result", to_string(result)).close();
  return out;
}

std::string ice_config(std::string_view ice_servers) {
  std::string out = R"({"iceServers":[)";
  JsonCursor cursor(ice_servers);
  cursor.begin_array();
  for (JsonValue server; cursor.next_element() && cursor.read_value(server);) {
    if (server.kind != JsonValue::Kind::object) continue;
    if (out.back() != '[') out += ',';
    append_server(out, server.bytes);
  }
  return out += "]}";
}

bool is_id(std::string_view text) noexcept { return is_token(text, 1, 128); }

bool is_reserved(std::string_view room) noexcept {
  constexpr std::array<std::string_view, 8> kWords{"join",   "message", "leave", "r",
                                                   "params", "v1alpha", "ws",    "status"};
  return std::find(kWords.begin(), kWords.end(), room) != kWords.end();
}

}  // namespace sigway::dialects::apprtc
