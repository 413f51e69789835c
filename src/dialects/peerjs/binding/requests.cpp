#include "peerjs_binding/requests.h"

#include <string_view>
#include <utility>

#include "binding/answers.h"
#include "session/key.h"

namespace sigway::dialects::peerjs {
namespace {

/// Of no use yet: it is the client's once it has opened its WebSocket.
http::Response new_id() {
  http::Response response(200, "text/html; charset=utf-8", session::make_uuid());
  response.set("Cache-Control", "no-store");
  return response;
}

http::Response refused_listing() {
  return http::Response::error(
      401, "discovery_off", "This server tells nobody the ids of its peers.",
      "Start sigway with --peerjs-discovery, and ask with its --peerjs-key.");
}

}  // namespace

void handle_about(server::Exchange& exchange) {
  exchange.respond(binding::answer(
      R"({"name":"PeerJS Server","description":"A server side element to broker connections between PeerJS clients.","website":"https://peerjs.com/"})"));
}

void handle_request(Service& service, server::Exchange& exchange) {
  std::string_view path = exchange.request().path;
  const auto take_last = [&] {
    const auto slash = path.rfind('/');
    const auto segment = path.substr(slash + 1);
    path = path.substr(0, slash);
    return segment;
  };
  const auto what = take_last();
  const auto key = take_last();
  // Clients that leave `path` out ask at `/KEY/…`.
  const bool is_below =
      path == service.options.path || (path.empty() && key == service.options.key);
  if (is_below && what == "id") return exchange.respond(new_id());
  if (is_below && what == "peers") {
    if (!service.options.lists_peers || key != service.options.key)
      return exchange.respond(refused_listing());
    return service.listing.answer(service.context, exchange);
  }
  exchange.respond(
      http::Response::error(404, "unknown_route", "There is nothing at this path.",
                            "The paths of PeerJS are listed in docs/dialects/peerjs.md."));
}

}  // namespace sigway::dialects::peerjs
