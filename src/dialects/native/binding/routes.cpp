#include "native_binding/routes.h"

#include <memory>

#include "native_binding/http_entry.h"
#include "native_binding/longpoll.h"

namespace sigway::dialects::native {

void add_routes(server::Router& router, binding::Context& context, const Options& options) {
  using http::Method;
  const auto lobby = std::make_shared<Lobby>(context);
  for (base::ShardIndex shard = 0; shard < context.shared.hubs.size(); ++shard)
    context.shared.hubs[shard]->when_draining([lobby, shard] { lobby->drain(shard); });
  router.add({Method::get}, "/v1/ws", [&, lobby](server::Exchange& exchange) {
    handle_websocket(context, options.websocket, *lobby, exchange);
  });
  router.add({Method::get, Method::post}, "/v1/sse",
             [&](server::Exchange& exchange) { handle_sse(context, options.sse, exchange); });
  router.add({Method::get, Method::post}, "/v1/poll",
             [&](server::Exchange& exchange) { handle_poll(context, exchange); });
  router.add({Method::post}, "/v1/send",
             [&](server::Exchange& exchange) { send(context, exchange); });
}

}  // namespace sigway::dialects::native
