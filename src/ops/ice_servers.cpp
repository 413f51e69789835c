#include "ops/ice_servers.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

namespace sigway::ops {

TurnCredential make_turn_credential(std::string_view secret, std::string_view label,
                                    std::int64_t expires_unix_seconds) {
  TurnCredential made;
  made.username = std::to_string(expires_unix_seconds) + ":" + std::string(label);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(made.username.data()), made.username.size(),
       digest.data(), &size);
  // 4 characters for every 3 bytes begun, and the NUL that EVP_EncodeBlock appends.
  made.credential.resize((size + 2) / 3 * 4 + 1);
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(made.credential.data()),
                                     digest.data(), static_cast<int>(size));
  made.credential.resize(static_cast<std::size_t>(length));
  return made;
}

IceServers::IceServers(const Config& config)
    : secret_(config.turn_secret),
      lifetime_seconds_(
          std::chrono::duration_cast<std::chrono::seconds>(config.turn_lifetime).count()) {
  for (const auto& server : config.ice_server) {
    if (!fixed_.empty()) fixed_ += ',';
    // Both forms were checked when the settings were read.
    fixed_ += server.starts_with('{') ? nlohmann::json::parse(server).dump()
                                      : nlohmann::json{{"urls", server}}.dump();
  }
  if (!config.turn_server.empty()) turn_urls_ = nlohmann::json(config.turn_server).dump();
}

std::string IceServers::json_for(std::string_view label, std::int64_t now_unix_seconds) const {
  std::string json = "[" + fixed_;
  if (!turn_urls_.empty()) {
    const auto made = make_turn_credential(secret_, label, now_unix_seconds + lifetime_seconds_);
    if (!fixed_.empty()) json += ',';
    // Digits, a colon, a peer id; base64: nothing that JSON would have to escape.
    json += R"({"urls":)" + turn_urls_ + R"(,"username":")" + made.username +
            R"(","credential":")" + made.credential + "\"}";
  }
  return json + "]";
}

}  // namespace sigway::ops
