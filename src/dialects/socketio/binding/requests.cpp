#include "socketio_binding/requests.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "binding/answers.h"
#include "socketio/jsonp.h"
#include "socketio_binding/engine_io.h"
#include "socketio_binding/legacy.h"
#include "socketio_binding/websocket.h"

namespace sigway::dialects::socketio {
namespace {

using http::Method;

/// Runs `task(engine)`, which returns an answer or none if the engine answers later; else the
/// request gets what `missing` returns.
template <typename Task, typename Missing>
void ask(Service& service, server::Exchange& exchange, EngineId engine, Task task,
         Missing missing) {
  auto& replies = exchange.replies();
  const auto to = exchange.id();
  service.at(
      to.shard, engine,
      [&replies, to, task = std::move(task)](Engine& at) mutable {
        if (auto response = task(at)) replies.respond(to, *std::move(response));
      },
      [&replies, to, missing = std::move(missing)] { replies.respond(to, missing()); });
}

/// A poll waits with its engine; its connection may go.
void park(Service& service, server::Exchange& exchange, EngineId engine) {
  const auto to = exchange.id();
  exchange.on_gone([&service, to, engine] {
    base::try_from_reserve(
        [&] { service.at(to.shard, engine, [to](Engine& at) { at.poll_gone(to); }); });
  });
}

/// What a request that opens an engine gets if that is not possible.
template <typename Opened>
bool refuse(server::Exchange& exchange, const Opened& opened) {
  const auto* const error = std::get_if<Error>(&opened);
  if (error != nullptr) exchange.respond(binding::refusal(*error));
  return error != nullptr;
}

/// A script element sends no Origin. Older browsers send no Sec-Fetch-Site either; then only the
/// Referer says which page asks, and pages can switch that off.
bool is_anonymous_script(const http::Request& request, const std::optional<std::string>& jsonp) {
  return jsonp && request.header("origin") == nullptr && request.header("referer") == nullptr &&
         request.header("sec-fetch-site") == nullptr;
}

http::Response anonymous_script() {
  return http::Response::error(
      403, "origin_refused", "A request by script element must say which page it comes from.",
      "Send a Referer. A page that forbids it (Referrer-Policy) can poll by "
      "XMLHttpRequest or open a WebSocket.");
}

struct EngineQuery {
  Handshake handshake;
  std::string transport, sid, stamp;
};

Visitor visitor_of(server::Exchange& exchange) {
  return {exchange.client_address(), exchange.request().parameters()};
}

std::variant<EngineQuery, EngineError> read_query(const Service& service,
                                                  const http::Request& request) {
  EngineQuery query;
  std::string version;
  for (auto& [name, value] : request.parameters()) {
    if (name == "EIO") version = value;
    if (name == "transport") query.transport = value;
    if (name == "sid") query.sid = value;
    if (name == "t") query.stamp = value;
    if (name == "b64") query.handshake.only_text = !value.empty() && value != "0";
    if (name == "j") query.handshake.jsonp = jsonp_index(value);
  }
  if (query.transport != "polling" && query.transport != "websocket")
    return EngineError::unknown_transport;
  if (version != "4") {
    query.handshake.version = EngineVersion::eio3;
    if (service.options().only_eio4 && query.sid.empty()) return EngineError::unsupported_version;
  } else {
    query.handshake.jsonp.reset();  // EIO 4 has none
    query.handshake.only_text = false;
  }
  return query;
}

void open_by_poll(Service& service, server::Exchange& exchange, const EngineQuery& query) {
  if (exchange.request().method != Method::get)
    return exchange.respond(engine_refusal(EngineError::bad_method));
  std::shared_ptr<EngineIo> engine;
  const auto opened = service.open(
      exchange.id().shard, visitor_of(exchange),
      [&](const EngineSeat& seat) { return engine = service.make_engine(seat, query.handshake); });
  if (refuse(exchange, opened)) return;
  exchange.respond(engine->open_by_poll());
}

}  // namespace

void handle_engine_io(Service& service, server::Exchange& exchange) {
  auto& request = exchange.request();
  auto read = read_query(service, request);
  if (const auto* error = std::get_if<EngineError>(&read))
    return exchange.respond(engine_refusal(*error));
  auto& query = std::get<EngineQuery>(read);
  if (is_anonymous_script(request, query.handshake.jsonp))
    return exchange.respond(anonymous_script());
  std::optional<EngineId> engine;
  if (!query.sid.empty()) {
    engine = service.find(query.sid);
    if (!engine) return exchange.respond(engine_refusal(EngineError::unknown_sid));
  }
  if (query.transport == "websocket") {
    if (!request.asks_for_websocket())
      return exchange.respond(engine_refusal(EngineError::bad_request));
    return open_socket(service, exchange, engine, query.handshake);
  }
  if (!engine) return open_by_poll(service, exchange, query);
  const auto missing = [] { return engine_refusal(EngineError::unknown_sid); };
  if (request.method == Method::post) {
    const auto* const type = request.header("content-type");
    return ask(
        service, exchange, *engine,
        [body = std::move(request.body), type = type == nullptr ? std::string() : *type](
            Engine& at) mutable -> std::optional<http::Response> {
          return at.post(std::move(body), type);
        },
        missing);
  }
  if (request.method != Method::get)
    return exchange.respond(engine_refusal(EngineError::bad_request));
  park(service, exchange, *engine);
  ask(
      service, exchange, *engine,
      [&replies = exchange.replies(), to = exchange.id(), missing,
       stamp = std::move(query.stamp)](Engine& at) mutable -> std::optional<http::Response> {
        at.catch_up();
        if (at.is_closed()) return missing();
        at.poll(replies, to, std::move(stamp));
        return std::nullopt;
      },
      missing);
}

namespace {

/// Below the path of all versions.
constexpr std::string_view kLegacyRoot = "/1/";

/// `TRANSPORT/SID` below that; both are empty in a handshake.
struct LegacyQuery {
  std::string transport, sid;
  std::optional<std::string> jsonp;  ///< of a poll by script: the index of the callback
  bool disconnects = false;
};

LegacyQuery read_legacy(const Service& service, const http::Request& request) {
  LegacyQuery query;
  auto rest = std::string_view(request.path);
  rest.remove_prefix(std::min(rest.size(), service.options().path.size() + kLegacyRoot.size()));
  const auto slash = rest.find('/');
  query.transport = rest.substr(0, slash);
  if (slash != std::string_view::npos) query.sid = rest.substr(slash + 1);
  if (query.sid.ends_with('/')) query.sid.pop_back();
  std::optional<std::string> handshake_index;
  for (auto& [name, value] : request.parameters()) {
    if (name == "i") query.jsonp = jsonp_index(value);
    if (name == "jsonp") handshake_index = jsonp_index(value);
    if (name == "disconnect") query.disconnects = true;
  }
  if (query.transport.empty()) {
    query.jsonp = std::move(handshake_index);
  } else if (query.transport != "jsonp-polling") {
    query.jsonp.reset();
  } else if (!query.jsonp) {
    query.jsonp = "0";
  }
  return query;
}

/// How the next answer goes to a client of 0.9. A session id of another version changes nothing.
void use_jsonp(Engine& engine, std::optional<std::string> index) {
  if (auto* const legacy = dynamic_cast<LegacyEngine*>(&engine))
    legacy->use_jsonp(std::move(index));
}

void open_legacy(Service& service, server::Exchange& exchange, const LegacyQuery& query) {
  std::string welcome;
  const auto opened =
      service.open(exchange.id().shard, visitor_of(exchange), [&](const EngineSeat& seat) {
        welcome = LegacyEngine::welcome(seat);
        return std::make_shared<LegacyEngine>(service, seat);
      });
  if (refuse(exchange, opened)) return;
  auto response = legacy_answer(std::move(welcome), query.jsonp);
  if (query.jsonp) response.set("Content-Type", "application/javascript");
  exchange.respond(std::move(response));
}

}  // namespace

void handle_legacy(Service& service, server::Exchange& exchange) {
  auto& request = exchange.request();
  if (service.options().only_eio4)
    return exchange.respond(engine_refusal(EngineError::unsupported_version));
  auto query = read_legacy(service, request);
  const auto missing = [jsonp = query.jsonp] { return legacy_answer("7:::1+0", jsonp); };
  if (query.disconnects) {
    // A page that goes away names no transport.
    const auto engine = service.find(query.sid);
    if (!engine) return exchange.respond(missing());
    return ask(
        service, exchange, *engine,
        [](Engine& at) -> std::optional<http::Response> {
          at.close(Engine::Leaving::left, session::End::left);
          return legacy_answer("", std::nullopt);
        },
        missing);
  }
  if (query.transport.empty()) return open_legacy(service, exchange, query);
  const bool is_socket = query.transport == "websocket";
  if (!is_socket && query.transport != "xhr-polling" && query.transport != "jsonp-polling") {
    return exchange.respond(http::Response::error(
        404, "unknown_route", "There is no transport " + query.transport + " here.",
        "Use one of those that the handshake named: websocket, xhr-polling, jsonp-polling."));
  }
  const auto engine = service.find(query.sid);
  if (!engine) {
    return exchange.respond(is_socket ? engine_refusal(EngineError::unknown_sid) : missing());
  }
  if (is_socket) {
    if (!request.asks_for_websocket())
      return exchange.respond(engine_refusal(EngineError::bad_request));
    return open_socket(service, exchange, engine, {});
  }
  if (request.method == Method::post) {
    return ask(
        service, exchange, *engine,
        [body = std::move(request.body),
         jsonp = std::move(query.jsonp)](Engine& at) mutable -> std::optional<http::Response> {
          use_jsonp(at, std::move(jsonp));
          return at.post(std::move(body), {});
        },
        missing);
  }
  park(service, exchange, *engine);
  ask(
      service, exchange, *engine,
      [&replies = exchange.replies(), to = exchange.id(),
       jsonp = std::move(query.jsonp)](Engine& at) mutable -> std::optional<http::Response> {
        use_jsonp(at, std::move(jsonp));
        // Its `t` is the time in milliseconds, which two polls may have in common.
        at.poll(replies, to, {});
        return std::nullopt;
      },
      missing);
}

}  // namespace sigway::dialects::socketio
