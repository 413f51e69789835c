#include "native_binding/routes.h"

#include "native_binding/http_entry.h"
#include "native_binding/longpoll.h"

namespace sigway::dialects::native {

void add_routes(server::Router& router, binding::Context& context, const Options& options) {
  using http::Method;
  router.add({Method::get}, "/v1/ws", [&](server::Exchange& exchange) {
    handle_websocket(context, options.websocket, exchange);
  });
  router.add({Method::get, Method::post}, "/v1/sse",
             [&](server::Exchange& exchange) { handle_sse(context, options.sse, exchange); });
  router.add({Method::get, Method::post}, "/v1/poll",
             [&](server::Exchange& exchange) { handle_poll(context, exchange); });
  router.add({Method::post}, "/v1/send",
             [&](server::Exchange& exchange) { send(context, exchange); });
}

}  // namespace sigway::dialects::native
