#include "plain/routes.h"

#include <string>
#include <utility>

#include "binding/answers.h"
#include "plain/poll.h"
#include "plain/post.h"
#include "plain/stream.h"
#include "plain/websocket.h"

namespace sigway::plain {
namespace {

/// What the routes need as long as they are there.
struct Served {
  binding::Context& context;
  const Protocol& protocol;
  Options options;
  websocket::Options socket;
};

/// A GET of a protocol that has a greeting.
bool wants_stream(const http::Request& request, const Query& query) {
  const auto* const accept = request.header("accept");
  return query.key || request.header("last-event-id") != nullptr ||
         (accept != nullptr && accept->find("text/event-stream") != std::string::npos);
}

http::Response greet(std::string_view greeting) {
  auto response = http::Response::text(200, std::string(greeting));
  response.set("Cache-Control", "no-store");
  return response;
}

void handle(const Served& served, server::Exchange& exchange) {
  auto& context = served.context;
  const auto& protocol = served.protocol;
  const auto& request = exchange.request();
  auto read = read_query(protocol, request);
  if (const auto* error = std::get_if<dialects::Error>(&read))
    return exchange.respond(binding::refusal(*error));
  const auto& query = std::get<Query>(read);
  if (request.method == http::Method::post) return handle_post(context, protocol, exchange, query);
  if (request.header("upgrade") != nullptr)
    return handle_websocket(context, protocol, served.socket, exchange, query);
  if (query.next) return handle_poll(context, protocol, exchange, query);
  if (const auto greeting = protocol.greeting(); !greeting.empty() && !wants_stream(request, query))
    return exchange.respond(greet(greeting));
  handle_stream(context, protocol, served.options, exchange, query);
}

}  // namespace

void add_routes(server::Router& router, binding::Context& context,
                const dialects::plain::Protocol& protocol, const Options& options) {
  using http::Method;
  const auto served = std::make_shared<const Served>(
      Served{context, protocol, options,
             websocket::Options{.max_message = protocol.max_message(), .noise = options.noise}});
  const auto handler = [served](server::Exchange& exchange) { handle(*served, exchange); };
  const std::string path(protocol.path());
  router.add({Method::get, Method::post}, path, handler);
  if (protocol.has_rooms()) router.add({Method::get, Method::post}, path + "/*", handler);
  router.add_root(std::string(protocol.dialect().name()), handler);
}

}  // namespace sigway::plain
