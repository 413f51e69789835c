#include "websocket/handshake.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <string>

namespace sigway::websocket {
namespace {

http::Response upgrade_required(
    std::string message,
    std::string hint =
        "Open a WebSocket here (RFC 6455, version 13), or use Server-Sent Events or polling.") {
  auto response =
      http::Response::error(426, "upgrade_required", std::move(message), std::move(hint));
  response.set("Sec-WebSocket-Version", "13");
  response.set("Upgrade", "websocket");
  return response;
}

/// 16 bytes in base64: 22 characters and two of padding (RFC 6455 §4.2.1, 5).
bool valid_key(const std::string& key) {
  return key.size() == 24 && key.ends_with("==") &&
         key.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") == 22;
}

/// What proves to the client that its handshake was read (RFC 6455 §4.2.2, 5.4).
std::string accept_of(const std::string& key) {
  const auto proof = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, 20> sha1{};
  std::array<unsigned char, 28 + 1> base64{};
  if (EVP_Digest(proof.data(), proof.size(), sha1.data(), nullptr, EVP_sha1(), nullptr) != 1)
    std::abort();
  const auto length = EVP_EncodeBlock(base64.data(), sha1.data(), sha1.size());
  return {base64.begin(), base64.begin() + length};
}

}  // namespace

Handshake shake_hands(const http::Request& request, std::string_view subprotocol) {
  if (request.version_minor == 0) {
    return {upgrade_required("A WebSocket handshake needs HTTP/1.1, and this request is HTTP/1.0.",
                             "Use HTTP/1.1. A proxy may lower the version: nginx needs "
                             "`proxy_http_version 1.1`."),
            false};
  }
  if (!request.asks_for_websocket())
    return {upgrade_required("This address speaks WebSocket, and the request does not ask for it."),
            false};
  const auto* version = request.header("sec-websocket-version");
  if (version == nullptr || *version != "13") {
    return {upgrade_required("The WebSocket version of the handshake is not 13."), false};
  }
  const auto* key = request.header("sec-websocket-key");
  if (key == nullptr || !valid_key(*key)) {
    return {http::Response::error(
                400, "bad_request", "Sec-WebSocket-Key is not 16 bytes in base64.",
                "A WebSocket library makes the key; by hand: `openssl rand -base64 16`."),
            false};
  }

  const bool is_offered =
      !subprotocol.empty() && request.has_token("sec-websocket-protocol", subprotocol);
  http::Response response(101);
  response.set("Upgrade", "websocket");
  response.set("Connection", "Upgrade");
  response.set("Sec-WebSocket-Accept", accept_of(*key));
  if (is_offered) response.set("Sec-WebSocket-Protocol", subprotocol);
  return {std::move(response), true};
}

std::string offered_subprotocol(const http::Request& request) {
  const auto* const offered = request.header("sec-websocket-protocol");
  if (offered == nullptr) return {};
  auto first = offered->substr(0, offered->find(','));
  first.erase(first.find_last_not_of(" \t") + 1);
  return first;
}

}  // namespace sigway::websocket
