#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "peerjs/peerjs.h"
#include "websocket/connection.h"

namespace sigway::dialects::peerjs {

struct Options {
  std::string path = "/peerjs";  ///< without a slash at its end; empty: everything lies at `/`
  std::string key = "peerjs";    ///< that clients have to know
  bool lists_peers = false;      ///< tells everybody the ids of all
  /// A client of whom nothing is heard for so long is gone.
  base::Duration expiry = std::chrono::seconds(90);
  websocket::Options websocket = {.max_message = kMaxMessage};
};

}  // namespace sigway::dialects::peerjs
