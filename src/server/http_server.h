#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/exchange.h"
#include "http/request_parser.h"
#include "net/listener.h"
#include "net/shard.h"
#include "server/access_policy.h"
#include "server/router.h"

namespace sigway::server {

struct HttpOptions {
  http::ParserLimits limits = {};
  // First byte of a request to the end of its head; and how long a new connection that says nothing
  // counts as one that is about to.
  base::Duration head_timeout = std::chrono::seconds(10);
  base::Duration body_timeout = std::chrono::seconds(20);  // end of head to end of body
  // Between requests; before the first, after head_timeout.
  base::Duration keep_alive = std::chrono::seconds(75);
  // Bytes of further requests kept while one is in flight; beyond it reading pauses.
  std::size_t max_pipelined = 64 * 1024;
  // Called for each request that the access policy refuses, with the client's address. Any thread.
  std::function<void(const http::Problem&, const std::string& client, base::TimePoint now)>
      when_refused = {};
};

// HTTP/1.1 on every shard: makes a handler for each accepted connection, and answers by id.
// Thread: any, once constructed. Lifetime: the shards, the router and the policy stay as long as
// this, and this stays until the shards have stopped.
class HttpServer final : public http::Replies {
 public:
  HttpServer(const net::Shards& shards, HttpOptions options, std::shared_ptr<const Router> router,
             std::shared_ptr<const AccessPolicy> policy,
             std::shared_ptr<net::ConnectionLimits> limits);
  ~HttpServer() override;
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Opens a port; may be called several times, before the shards run. All ports share the routes,
  // the policy and the limits; `options.label` is the dialect of `/` (Router::add_root), empty for
  // the main port. Fills in what HTTP knows of `options` (the overload answers). The error is a
  // sentence; else port() tells where it listens.
  std::optional<std::string> listen(net::ListenOptions options);
  // In the order of opening.
  const net::PortInfo& port(std::size_t index = 0) const { return listeners_.at(index)->port(); }
  std::size_t port_count() const { return listeners_.size(); }

  // http::Replies
  void respond(const http::ExchangeId& id, http::Response response) override;
  void abandon(const http::ExchangeId& id) noexcept override;
  std::shared_ptr<http::StreamWriter> begin_stream(const http::ExchangeId& id,
                                                   http::Response head) override;

  // Stops accepting, closes idle connections, and lets every answer from now on close its
  // connection. Requests and streams in flight go on until those who answer them end them.
  void drain();
  bool is_draining() const { return draining_.load(std::memory_order_relaxed); }

  const HttpOptions& options() const { return options_; }
  const Router& router() const { return *router_; }
  const AccessPolicy& policy() const { return *policy_; }
  const net::Shards& shards() const { return shards_; }
  // Open connections over all ports and shards.
  std::size_t connection_count() const { return limits_->total(); }

 private:
  const net::Shards& shards_;
  const HttpOptions options_;
  const std::shared_ptr<const Router> router_;
  const std::shared_ptr<const AccessPolicy> policy_;
  const std::shared_ptr<net::ConnectionLimits> limits_;
  std::atomic<bool> draining_{false};
  std::vector<std::unique_ptr<net::Listener>> listeners_;
};

}  // namespace sigway::server
