#include "websocket/route.h"

#include <memory>
#include <optional>
#include <utility>

#include "entry/http_entry.h"
#include "websocket/handshake.h"

namespace sigway::websocket {

void handle(entry::Context& context, const Options& options, server::Exchange& exchange) {
  const auto& request = exchange.request();
  auto handshake = shake_hands(request);
  if (!handshake.upgrade) return exchange.respond(std::move(handshake.response));
  auto read = entry::read_query(request);
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  std::optional<dialects::native::Request> persons;
  auto& from_query = std::get<dialects::native::Request>(read);
  if (from_query.open->room || from_query.open->name) persons = std::move(from_query);
  exchange.upgrade(std::move(handshake.response),
                   std::make_unique<Connection>(context, options, exchange.client_address(),
                                                std::move(persons)));
}

}  // namespace sigway::websocket
