#include "socketio_binding/routes.h"

#include "socketio_binding/requests.h"
#include "socketio_scripts/scripts.h"

namespace sigway::dialects::socketio {

void add_routes(server::Router& router, const std::shared_ptr<Service>& service) {
  using http::Method;
  const server::RouteOptions options{.max_body = service->options().max_payload,
                                     .access = {.is_for_old_pages = true}};
  const auto all = {Method::get, Method::post, Method::put, Method::patch, Method::del};
  const auto& path = service->options().path;
  add_client_scripts(router, path);
  const auto engine_io = [service](server::Exchange& exchange) {
    handle_engine_io(*service, exchange);
  };
  const auto legacy = [service](server::Exchange& exchange) { handle_legacy(*service, exchange); };
  // Engine.IO has an answer of its own to each of these methods. Some clients leave the last slash
  // out.
  router.add(all, path + "/", engine_io, options);
  router.add(all, path, engine_io, options);
  router.add({Method::get, Method::post}, path + "/1/*", legacy, options);
  router.add({Method::get, Method::post}, path + "/1/", legacy, options);
  router.add({Method::get, Method::post}, path + "/1", legacy, options);
}

}  // namespace sigway::dialects::socketio
