#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "client/endpoint.h"

namespace sigway::doctor {

struct Times {
  std::chrono::milliseconds watch{35000};   ///< how long anything is watched
  std::chrono::milliseconds whole{55000};   ///< nothing new is begun after it
  std::chrono::milliseconds request{6000};  ///< for an answer
  std::chrono::milliseconds reach{12000};   ///< for the server to be there at all
};

/// Told as the examination goes on: "WebSocket" has begun, or ended. From any thread, one at a
/// time.
using Progress = std::function<void(const std::string& step, bool ended)>;

/// Measures what the network between here and the server does: the same probes in the same order
/// as web/doctor/examine.js, and the same form ("sigway-doctor/1"), for diagnose(). With TLS also
/// `certificate` (certificate.h). Blocks for about `watch` and ten seconds. Where few connections
/// are served at a time it watches for less: `times` in what it returns says how long.
nlohmann::json examine(const client::Endpoint& endpoint, const Times& times,
                       const Progress& progress);

}  // namespace sigway::doctor
