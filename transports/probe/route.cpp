#include "probe/route.h"

#include <utility>
#include <variant>

#include "dialects/json_writer.h"
#include "probe/report.h"
#include "probe/socket.h"
#include "websocket/handshake.h"

namespace sigway::probe {

Probe::Probe(Options options, std::string server_id, std::size_t shards)
    : options_(options),
      server_id_(std::move(server_id)),
      limits_(std::make_shared<Limits>(options.limits)) {
  for (std::size_t i = 0; i < shards; ++i) jobs_.push_back(std::make_unique<Jobs>());
}

std::string Probe::report(server::Exchange& exchange, base::AddressKey address,
                          const Query& query) {
  std::string out;
  dialects::JsonWriter json(out);
  json.text("server", server_id_);
  if (!query.u.empty())
    json.text("u", query.u)
        .number("seen", nonces_.count(query.u, address, exchange.connection().shard().now()));
  if (!query.of.empty()) {
    json.key("of");
    dialects::JsonWriter counts(out);
    for (const auto& nonce : query.of) {
      counts.text_key(nonce);
      dialects::append_number(out, nonces_.seen(nonce));
    }
    counts.close();
  }
  json.text("address", exchange.client_address()).number("request", exchange.id().sequence);
  describe(exchange.request(), json);
  json.close();
  return out;
}

void Probe::handle(Kind kind, server::Exchange& exchange) {
  const auto& request = exchange.request();
  auto& shard = exchange.connection().shard();
  const auto address = base::AddressKey::parse(exchange.client_address());
  if (auto refusal = limits_->check_rate(address, shard.now()))
    return exchange.respond(std::move(*refusal));
  auto read = read_query(request, kind, options_.bounds);
  if (auto* refusal = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refusal));
  const auto& query = std::get<Query>(read);

  websocket::Handshake handshake;
  if (kind == Kind::socket) {
    handshake = websocket::shake_hands(request, websocket::offered_subprotocol(request));
    if (!handshake.upgrade) return exchange.respond(std::move(handshake.response));
  }
  std::unique_ptr<Limits::Permit> permit;
  if (kind != Kind::echo) {
    // What a socket sends, its client has sent before: it costs no more than an upload.
    const std::size_t bytes = kind == Kind::stream ? query.size * query.count : 0;
    auto admitted = limits_->admit(address, bytes, shard.now());
    if (auto* refusal = std::get_if<http::Response>(&admitted))
      return exchange.respond(std::move(*refusal));
    permit = std::get<std::unique_ptr<Limits::Permit>>(std::move(admitted));
  }
  // Counted only now: what was refused has not come through.
  auto answer = report(exchange, address, query);
  auto& jobs = *jobs_[shard.index()];
  switch (kind) {
    case Kind::echo: {
      auto response = http::Response::json(200, std::move(answer));
      response.set("Cache-Control", "no-store");
      response.set("X-Sigway-Probe", query.u);  // comes back unless the way strips answers
      return exchange.respond(std::move(response));
    }
    case Kind::hold: return jobs.hold(exchange, shard, query, std::move(answer), std::move(permit));
    case Kind::stream: return jobs.stream(exchange, shard, query, std::move(permit));
    case Kind::socket:
      return exchange.upgrade(std::move(handshake.response),
                              std::make_unique<Socket>(nonces_, address, options_.bounds,
                                                       std::move(answer), std::move(permit)));
  }
}

void add_routes(server::Router& router, const std::shared_ptr<Probe>& probe) {
  using http::Method;
  const auto add = [&](std::initializer_list<Method> methods, const char* path, Kind kind) {
    router.add(methods, path,
               [probe, kind](server::Exchange& exchange) { probe->handle(kind, exchange); });
  };
  add({Method::get, Method::post}, "/v1/probe/echo", Kind::echo);
  add({Method::get, Method::post}, "/v1/probe/hold", Kind::hold);
  add({Method::get, Method::post}, "/v1/probe/stream", Kind::stream);
  add({Method::get}, "/v1/probe/ws", Kind::socket);
}

}  // namespace sigway::probe
