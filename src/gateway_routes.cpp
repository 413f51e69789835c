#include "gateway_routes.h"

#include <string>

#include "entry/http_entry.h"
#include "longpoll/route.h"

namespace sigway {
namespace {

using http::Method;

/// Prometheus' text format, version 0.0.4.
std::string metrics(const session::Shared& shared, const net::ConnectionLimits& connections) {
  std::string out;
  const auto metric = [&out](std::string_view name, std::string_view type, std::string_view help,
                             std::size_t value) {
    out.append("# HELP ")
        .append(name)
        .append(" ")
        .append(help)
        .append("\n# TYPE ")
        .append(name)
        .append(" ")
        .append(type);
    out.append("\n").append(name).append(" ").append(std::to_string(value)).append("\n");
  };
  metric("sigway_connections", "gauge", "Open TCP connections.", connections.total());
  metric("sigway_sessions", "gauge", "Living sessions.", shared.directory.live());
  metric("sigway_ended_keys", "gauge", "Keys remembered as ended.", shared.directory.remembered());
  metric("sigway_queued_bytes", "gauge", "Bytes held for clients; the sum of sigway_memory_bytes.",
         shared.memory.used());
  out +=
      "# HELP sigway_memory_bytes Bytes held for clients, by what for.\n# TYPE sigway_memory_bytes "
      "gauge\n";
  for (std::size_t i = 0; i < base::kMemoryParts; ++i) {
    const auto part = static_cast<base::MemoryPart>(i);
    out.append("sigway_memory_bytes{part=\"").append(to_string(part)).append("\"} ");
    out.append(std::to_string(shared.memory.used(part))).append("\n");
  }
  metric("sigway_sessions_opened_total", "counter", "Sessions opened.", shared.opened);
  metric("sigway_messages_total", "counter", "Messages received from clients, repeats included.",
         shared.messages);
  metric("sigway_events_total", "counter", "Events put into outboxes.", shared.events);
  out +=
      "# HELP sigway_sessions_ended_total Sessions ended, by reason.\n# TYPE "
      "sigway_sessions_ended_total counter\n";
  for (std::size_t i = 0; i < session::kEndCount; ++i) {
    const auto& row = session::info(static_cast<session::End>(i));
    if (row.carrier_may_return || row.close_code < 4100) continue;  // ends of carriers
    out.append("sigway_sessions_ended_total{reason=\"").append(row.name).append("\"} ");
    out.append(std::to_string(shared.ends[i])).append("\n");
  }
  return out;
}

http::Response plain(int status, std::string text) {
  auto response = http::Response::text(status, std::move(text));
  response.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

void add_routes(server::Router& router, const RouteParts& parts) {
  auto& context = parts.context;
  const auto& options = parts.options;
  router.add({Method::get}, "/v1/ws", [&context, &options](server::Exchange& exchange) {
    websocket::handle(context, options.websocket, exchange);
  });
  router.add({Method::get, Method::post}, "/v1/sse",
             [&context, &options](server::Exchange& exchange) {
               sse::handle(context, options.sse, exchange);
             });
  router.add({Method::get, Method::post}, "/v1/poll",
             [&context](server::Exchange& exchange) { longpoll::handle(context, exchange); });
  router.add({Method::post}, "/v1/send",
             [&context](server::Exchange& exchange) { entry::send(context, exchange); });

  const server::RouteOptions harmless{.max_body = {}, .is_harmless = true};
  router.add(
      {Method::get, Method::head}, "/healthz",
      [](server::Exchange& exchange) { exchange.respond(plain(200, "ok\n")); }, harmless);
  router.add(
      {Method::get, Method::head}, "/readyz",
      [&context](server::Exchange& exchange) {
        exchange.respond(context.draining ? plain(503, "draining\n") : plain(200, "ready\n"));
      },
      harmless);
  router.add(
      {Method::get, Method::head}, "/metrics",
      [&context, connections = parts.connections](server::Exchange& exchange) {
        auto response = plain(200, metrics(context.shared, *connections));
        response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        exchange.respond(std::move(response));
      },
      harmless);
  router.set_pages(parts.pages);
}

}  // namespace sigway
