#include "server/http_server.h"

#include <utility>
#include <variant>

#include "base/reserve.h"
#include "server/admission.h"
#include "server/http_connection.h"
#include "server/http_exchange.h"

namespace sigway::server {

namespace {

// A whole answer as bytes, for clients that get no HttpConnection.
std::string raw_answer(const http::Problem& problem, std::string_view retry_after) {
  http::Response response = http::Response::error(problem);
  if (!retry_after.empty()) response.set("Retry-After", retry_after);
  response.set("X-Content-Type-Options", "nosniff");
  response.set("Referrer-Policy", "no-referrer");
  http::ReplyContext context;
  context.keep_alive = false;
  std::string bytes = http::serialize_head(response, context, http::Framing::length);
  bytes += response.body().view();
  return bytes;
}

}  // namespace

HttpServer::HttpServer(const net::Shards& shards, HttpOptions options,
                       std::shared_ptr<const Router> router,
                       std::shared_ptr<const AccessPolicy> policy,
                       std::shared_ptr<net::ConnectionLimits> limits)
    : shards_(shards),
      options_(std::move(options)),
      router_(std::move(router)),
      policy_(std::move(policy)),
      limits_(std::move(limits)) {}

HttpServer::~HttpServer() = default;

std::optional<std::string> HttpServer::listen(net::ListenOptions options) {
  const auto refusal = [](net::Admission admission) {
    return raw_answer(admission_problem(admission), kAdmissionRetryAfter);
  };
  options.overload_answer = refusal(net::Admission::server_full);
  options.address_answer = refusal(net::Admission::address_full);
  options.connections.plain_http_answer =
      raw_answer({400, "plain_http_on_tls_port", "This port speaks TLS, not plain HTTP.",
                  "Use https:// and wss://."},
                 "");
  auto opened = net::Listener::open(
      options, shards_, limits_, [this](net::Connection& connection, net::Admission admission) {
        return std::make_unique<HttpConnection>(*this, connection, admission);
      });
  if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
  listeners_.push_back(std::move(std::get<std::unique_ptr<net::Listener>>(opened)));
  return std::nullopt;
}

void HttpServer::respond(const http::ExchangeId& id, http::Response response) {
  if (id.shard >= shards_.size()) return;
  net::Shard& shard = *shards_[id.shard];
  const auto deliver = [&shard, id](http::Response&& answer) {
    shard.run_for(id.connection, [&](net::Connection& connection) {
      if (auto* http = dynamic_cast<HttpConnection*>(connection.handler()))
        http->respond(id.sequence, std::move(answer));
    });
  };
  if (shard.is_current_thread()) return deliver(std::move(response));
  shard.post([deliver, response = std::move(response)]() mutable { deliver(std::move(response)); });
}

void HttpServer::abandon(const http::ExchangeId& id) noexcept {
  if (id.shard >= shards_.size()) return;
  net::Shard& shard = *shards_[id.shard];
  const auto cut = [&shard, id] {
    if (auto* const connection = shard.find(id.connection))
      connection->abort(net::CloseReason::memory);
  };
  if (shard.is_current_thread()) return cut();
  base::try_from_reserve([&] { shard.post(cut); });
}

std::shared_ptr<http::StreamWriter> HttpServer::begin_stream(const http::ExchangeId& id,
                                                             http::Response head) {
  return open_stream(*shards_.at(id.shard), id, std::move(head));
}

void HttpServer::drain() {
  draining_.store(true, std::memory_order_relaxed);
  for (const auto& listener : listeners_) listener->stop();
  for (const auto& shard : shards_) {
    shard->post([&shard = *shard] {
      shard.for_each_connection([](net::Connection& connection) {
        // One that cannot be told for want of memory is cut when the shard stops.
        base::try_from_reserve([&] { connection.handler()->on_stop(connection); });
      });
    });
  }
}

}  // namespace sigway::server
