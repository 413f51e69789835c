#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "binding/context.h"
#include "bus/node.h"
#include "gateway_runner.h"
#include "gateway_shard.h"
#include "ops/config.h"
#include "server/http_server.h"
#include "session/hub.h"

namespace sigway::testing {

/// The gateway's parts, put together as src/gateway.cpp does it, with the echo applications in
/// place of the dialects: Engine.IO at `/engine.io/`, Socket.IO at `/socket.io/`. Thread: the one
/// that made it.
class EchoServer {
 public:
  EchoServer(std::uint16_t port, base::ShardIndex shards);
  ~EchoServer();
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;

  /// The error is a sentence.
  std::optional<std::string> start();
  std::uint16_t port() const { return http_->port().local.port(); }

 private:
  using Part = ShardParts<ShardRunner>;

  const ops::Config config_;
  session::Shared shared_;
  bus::Exchange exchange_;
  binding::ServerInfo info_;
  binding::Context context_;
  net::Shards shards_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::unique_ptr<server::HttpServer> http_;
  std::vector<std::thread> threads_;
};

}  // namespace sigway::testing
