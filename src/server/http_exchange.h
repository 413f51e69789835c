#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/access_policy.h"
#include "server/exchange.h"
#include "server/http_connection.h"

namespace sigway::server {

// Begins the stream that answers a request: at once on its shard, else by a post to it.
std::shared_ptr<http::StreamWriter> open_stream(net::Shard& shard, const http::ExchangeId& id,
                                                http::Response head);

// The exchange that a route's handler sees; lives on the stack around the call.
class HttpExchange final : public Exchange {
 public:
  HttpExchange(HttpConnection& connection, std::uint32_t sequence, http::Request& request);

  http::Request& request() override { return request_; }
  const http::ExchangeId& id() const override { return id_; }
  http::Replies& replies() override { return http_.server(); }
  const std::string& client_address() const override { return client().address; }
  std::string base_url() const override;
  const std::string& port_label() const override { return http_.connection().port().label; }
  base::DigestMemo& digest_memo() override { return http_.digest_memo(); }
  void respond(http::Response response) override;
  std::shared_ptr<http::StreamWriter> begin_stream(http::Response head) override;
  void on_gone(std::function<void()> callback) override;
  net::Connection& connection() override { return http_.connection(); }
  void upgrade(http::Response head, std::unique_ptr<net::ConnectionHandler> next) override;

 private:
  const Client& client() const;

  HttpConnection& http_;
  const http::ExchangeId id_;
  http::Request& request_;
  mutable std::optional<Client> client_;  // made when it is asked for: few requests need it
};

}  // namespace sigway::server
