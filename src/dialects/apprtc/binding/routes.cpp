#include "apprtc_binding/routes.h"

#include <initializer_list>
#include <memory>
#include <string>

#include "apprtc/room_server.h"
#include "apprtc_binding/collider.h"
#include "apprtc_binding/room_server.h"
#include "apprtc_binding/service.h"
#include "apprtc_binding/websocket.h"

namespace sigway::dialects::apprtc {

void add_routes(server::Router& router, binding::Context& context, const Options& options) {
  using http::Method;
  using Handler = void (*)(Service & service, server::Exchange & exchange, std::string_view rest);
  const auto service = std::make_shared<Service>(context, options);
  for (base::ShardIndex shard = 0; shard < service->unregistered.size(); ++shard) {
    context.shared.hubs[shard]->when_draining([service, shard] {
      const auto& row = session::info(session::End::draining);
      const auto& ports = service->unregistered[shard];
      for (auto next = ports.begin(); next != ports.end();) {
        const auto port = (next++)->second;  // one that closes leaves the table
        port.close(row.close_code, row.name);
      }
    });
  }
  const auto add = [&](std::initializer_list<Method> methods, const std::string& path,
                       Handler handler, server::RouteAccess access = {}) {
    const auto full = std::string(kRoot) + path;
    const auto fixed = full.ends_with("/*") ? full.size() - 1 : full.size();
    router.add(methods, full,
               [service, handler, fixed](server::Exchange& exchange) {
                 const std::string rest = exchange.request().path.substr(fixed);
                 handler(*service, exchange, rest);
               },
               {.max_body = {}, .access = access});
  };
  const server::RouteAccess harmless{.is_harmless = true};
  const server::RouteAccess everybody{.is_public = true};
  add({Method::post}, "/join/*", &handle_join);
  add({Method::post}, "/message/*", &handle_message);
  add({Method::post}, "/leave/*", &handle_leave);
  add({Method::get, Method::head}, "/params", &handle_params, harmless);
  add({Method::get, Method::head}, "/r/*", &handle_room, harmless);
  add({Method::post}, "/v1alpha/iceconfig", &handle_ice_config);
  add({Method::get}, "/ws", &handle_websocket);
  add({Method::get, Method::head}, "/status", &handle_status, everybody);
  // Collider has an answer of its own to each of these methods.
  add({Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del}, "/*",
      &handle_client);
}

}  // namespace sigway::dialects::apprtc
