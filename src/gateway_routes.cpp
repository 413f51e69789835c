#include "gateway_routes.h"

#include <string>

namespace sigway {
namespace {

using http::Method;

/// Sessions, messages and events, in all and by dialect.
void append_traffic(std::string& out, const session::Shared& shared) {
  using Counter = std::uint64_t (*)(const session::Tally& tally);
  const auto family = [&](std::string_view name, std::string_view type, std::string_view help,
                          bool in_all, Counter count) {
    const auto head = [&](std::string_view prefix, std::string_view more) {
      auto full = std::string(prefix).append(name);
      out.append("# HELP ").append(full).append(" ").append(help).append(more);
      out.append("\n# TYPE ").append(full).append(" ").append(type).append("\n");
      return full;
    };
    std::uint64_t sum = 0;
    for (const auto& tally : shared.tallies) sum += count(tally);
    if (in_all) out.append(head("sigway_", ".")).append(" ").append(std::to_string(sum)) += '\n';
    const auto full = head("sigway_dialect_", ", by dialect.");
    for (const auto& tally : shared.tallies) {
      if (tally.dialect == nullptr) continue;
      out.append(full).append("{dialect=\"").append(tally.dialect->name()).append("\"} ");
      out.append(std::to_string(count(tally))) += '\n';
    }
  };
  family("sessions", "gauge", "Living sessions", false,
         [](const session::Tally& tally) { return tally.opened.load() - tally.ended.load(); });
  family("sessions_opened_total", "counter", "Sessions opened", true,
         [](const session::Tally& tally) { return tally.opened.load(); });
  family("messages_total", "counter", "Messages received from clients, repeats included", true,
         [](const session::Tally& tally) { return tally.messages.load(); });
  family("events_total", "counter", "Events put into outboxes", true,
         [](const session::Tally& tally) { return tally.events.load(); });
}

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
  append_traffic(out, shared);
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

http::Response plain_text(int status, std::string text) {
  auto response = http::Response::text(status, std::move(text));
  response.set("Cache-Control", "no-store");
  return response;
}

}  // namespace

void add_routes(server::Router& router, const RouteParts& parts) {
  auto& context = parts.context;
  const server::RouteOptions harmless{.max_body = {}, .access = {.is_harmless = true}};
  router.add(
      {Method::get, Method::head}, "/healthz",
      [](server::Exchange& exchange) { exchange.respond(plain_text(200, "ok\n")); }, harmless);
  router.add(
      {Method::get, Method::head}, "/readyz",
      [&context](server::Exchange& exchange) {
        exchange.respond(context.draining ? plain_text(503, "draining\n")
                                          : plain_text(200, "ready\n"));
      },
      harmless);
  router.add(
      {Method::get, Method::head}, "/metrics",
      [&context, connections = parts.connections](server::Exchange& exchange) {
        auto response = plain_text(200, metrics(context.shared, *connections));
        response.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        exchange.respond(std::move(response));
      },
      harmless);
  router.set_pages(parts.pages);
}

}  // namespace sigway
