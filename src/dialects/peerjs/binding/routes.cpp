#include "peerjs_binding/routes.h"

#include <string>

#include "peerjs_binding/requests.h"
#include "peerjs_binding/websocket.h"

namespace sigway::dialects::peerjs {
namespace {

/// The last segment of the WebSocket's path, whatever comes before it.
constexpr std::string_view kSocket = "/peerjs";

}  // namespace

void add_routes(server::Router& router, const std::shared_ptr<Service>& service) {
  using http::Method;
  const auto& path = service->options.path;
  const auto& key = service->options.key;
  const server::RouteOptions harmless{.access = {.is_harmless = true}};
  const auto socket = [service](server::Exchange& exchange) {
    handle_websocket(service, exchange);
  };
  const auto request = [service](server::Exchange& exchange) {
    handle_request(*service, exchange);
  };
  router.add_root(std::string(kDialect), handle_about, harmless);
  if (path.empty()) {
    // `/` itself and everything else is not PeerJS's.
    router.add({Method::get}, std::string(kSocket), socket);
    for (const auto* what : {"/id", "/peers"}) router.add({Method::get}, "/" + key + what, request);
    router.reserve(key);
    return;
  }
  router.reserve(path.substr(1, path.find('/', 1) - 1));
  router.add({Method::get}, path + "/", handle_about, harmless);
  router.add({Method::get}, path + std::string(kSocket), socket);
  router.add({Method::get}, path + "/*", request);
  if (path == kSocket) {
    // Also where clients that leave `path` out open theirs.
    router.add(
        {Method::get}, path,
        [socket](server::Exchange& exchange) {
          exchange.request().asks_for_websocket() ? socket(exchange) : handle_about(exchange);
        },
        harmless);
  } else {
    router.add({Method::get}, path, handle_about, harmless);
  }
}

}  // namespace sigway::dialects::peerjs
