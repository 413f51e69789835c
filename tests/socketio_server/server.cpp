#include "socketio_server/server.h"

#include "bus/home.h"
#include "gateway_settings.h"
#include "socketio_binding/routes.h"
#include "socketio_server/echo.h"

namespace sigway::testing {
namespace {

namespace socketio = dialects::socketio;
using std::chrono::milliseconds;

constexpr std::size_t kMaxPayload = 1'000'000;

ops::Config make_config(std::uint16_t port) {
  auto config = ops::default_config();
  config.bind = "127.0.0.1";
  config.port = port;
  config.max_body = kMaxPayload;
  // The suites leave their connections open.
  config.max_sessions_per_address = 1000;
  config.max_connections_per_address = 1000;
  return config;
}

/// What the suites expect.
socketio::Options options(std::string path) {
  socketio::Options options;
  options.path = std::move(path);
  options.ping_interval = milliseconds(300);
  options.ping_timeout = milliseconds(200);
  // After three pings, which a test of the suite waits for without a namespace, and before mocha's
  // 2 s.
  options.connect_timeout = milliseconds(1500);
  options.max_payload = kMaxPayload;
  options.only_eio4 = true;
  options.recovers = false;
  options.websocket.max_message = kMaxPayload;
  return options;
}

socketio::Applications applications() {
  socketio::Applications all;
  all.push_back(std::make_unique<EchoApplication>());
  return all;
}

}  // namespace

EchoServer::EchoServer(std::uint16_t port, base::ShardIndex shards)
    : config_(make_config(port)),
      shared_(settings_for::sessions(config_), config_.memory_budget,
              config_.max_sessions_per_address),
      exchange_(shared_, settings_for::mailboxes(config_)),
      context_{shared_, info_, &bus::home_of} {
  for (base::ShardIndex i = 0; i < shards; ++i)
    shards_.push_back(std::make_unique<net::Shard>(i, shared_.memory));
  for (base::ShardIndex i = 0; i < shards; ++i)
    parts_.push_back(std::make_unique<Part>(shards_, i, shared_, exchange_));
}

EchoServer::~EchoServer() {
  for (const auto& shard : shards_) shard->stop();
  for (auto& thread : threads_) thread.join();
}

std::optional<std::string> EchoServer::start() {
  auto router = std::make_shared<server::Router>();
  socketio::add_routes(*router, std::make_shared<socketio::Service>(context_, applications(),
                                                                    options("/socket.io")));
  auto engine_io = options("/engine.io");
  engine_io.connect_timeout = std::chrono::hours(1);  // there are no namespaces
  socketio::add_routes(
      *router, std::make_shared<EchoService>(context_, applications(), std::move(engine_io)));
  http_ = std::make_unique<server::HttpServer>(
      shards_, settings_for::http(config_), router,
      std::make_shared<server::AccessPolicy>(settings_for::access(config_)),
      std::make_shared<net::ConnectionLimits>(settings_for::connections(config_, shards_.size())));
  if (auto error = http_->listen(settings_for::listening(config_).front())) return error;
  for (const auto& shard : shards_) threads_.emplace_back([&shard = *shard] { shard.run(); });
  return std::nullopt;
}

}  // namespace sigway::testing
