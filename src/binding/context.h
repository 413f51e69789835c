#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/shard_index.h"
#include "session/hub.h"

namespace sigway::binding {

/// What the server says about itself to its clients. Outlives all requests; constant.
struct ServerInfo {
  std::string id;  ///< this server's, new with each start
  /// The JSON array of ICE servers for a peer; it may hold a credential made for that peer. Any
  /// thread.
  std::function<std::string(const std::string& peer)> ice_servers = [](const std::string&) {
    return "[]";
  };
  std::size_t max_body = 256U << 10U;
};

/// What all requests on all shards go by.
struct Context {
  session::Shared& shared;
  const ServerInfo& server;
  base::ShardIndex (*home_of)(std::string_view room, base::ShardIndex shards);
  std::atomic<bool> draining{false};
};

}  // namespace sigway::binding
