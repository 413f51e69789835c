#include "apprtc_binding/collider.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "apprtc/collider.h"
#include "apprtc/room_server.h"
#include "apprtc_binding/client.h"
#include "apprtc_binding/saying.h"
#include "binding/answers.h"
#include "binding/opening.h"
#include "dialects/grammar.h"

namespace sigway::dialects::apprtc {
namespace {

using session::End;

http::Response text(int status, std::string_view line) {
  auto response = http::Response::text(status, std::string(line) + "\n");
  response.set("Cache-Control", "no-store");
  return response;
}

http::Response ok() { return text(200, "OK"); }

http::Response failure(Service& service, const std::string& why) {
  ++service.counters.http_errors;
  return text(500, why);
}
http::Response not_sent(Service& service, std::string_view why) {
  return failure(service, "Failed to send the message: " + std::string(why));
}

/// As Go's html.EscapeString.
std::string escape_html(std::string_view plain) {
  std::string out;
  for (const char c : plain) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '\'': out += "&#39;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&#34;"; break;
      default: out += c;
    }
  }
  return out;
}

/// `ROOM/CLIENT`
std::optional<ClientId> client_at(std::string_view rest) {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos || rest.find('/', slash + 1) != std::string_view::npos)
    return std::nullopt;
  const auto room = rest.substr(0, slash);
  const auto client = rest.substr(slash + 1);
  if (room.empty() || client.empty() || is_reserved(room)) return std::nullopt;
  return ClientId{std::string(room), std::string(client)};
}

http::Response answer_to(Service& service, const Said& said) {
  if (said.error) return binding::refusal(*said.error);
  return said.is_unsent ? not_sent(service, kTooManyQueued) : ok();
}

void post(Service& service, server::Exchange& exchange, const ClientId& client) {
  auto& message = exchange.request().body;
  if (message.empty()) return exchange.respond(failure(service, "Empty request body"));
  if (!valid_room(client.room) || !valid_room(client.client))
    return exchange.respond(not_sent(service, info(ErrorCode::bad_room).message));
  auto& context = service.context;
  const auto here = exchange.id().shard;
  auto located = binding::locate_to_open(context, contents_of(client, exchange.client_address()),
                                         here, context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(binding::refusal(*error));
  auto& where = std::get<binding::Located>(located);
  const auto id = where.id;
  Saying saying{.replies = &exchange.replies(),
                .to = exchange.id(),
                .answer = [&service](const Said& said) { return answer_to(service, said); },
                .ended =
                    [&service](End reason) {
                      return reason == End::full ? not_sent(service, kNoPlace)
                                                 : binding::refusal(binding::error_of(reason));
                    },
                .connection = binding::next_connection()};
  binding::detach_when_gone(exchange, context, id, saying.connection);
  binding::at_session(
      context, here, id,
      [where = std::move(where), message = std::move(message),
       saying = std::move(saying)](session::Hub& hub) {
        const auto entered = binding::enter(hub, where);
        if (const auto* error = std::get_if<Error>(&entered))
          return saying.replies->respond(saying.to, binding::refusal(*error));
        auto& session = *std::get<session::Session*>(entered);
        // It has left the room. What a client says after that, everybody there knows.
        if (!is_in_room(session)) return saying.replies->respond(saying.to, ok());
        say_and_answer(hub, session, message, saying);
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

void remove(Service& service, server::Exchange& exchange, ClientId client) {
  const auto room = client.room;
  at_room(service, exchange, room,
          [client = std::move(client), from = address_of(exchange), &replies = exchange.replies(),
           to = exchange.id()](session::Hub& hub) {
            const auto found = look_up(hub, client, from);
            if (const auto* error = std::get_if<Error>(&found))
              return replies.respond(to, binding::refusal(*error));
            auto* const session = std::get<session::Session*>(found);
            if (session != nullptr) session->end(End::left);
            replies.respond(to, ok());
          });
}

}  // namespace

void handle_client(Service& service, server::Exchange& exchange, std::string_view rest) {
  auto client = client_at(rest);
  if (!client) return exchange.respond(failure(service, "Invalid path: /" + escape_html(rest)));
  switch (exchange.request().method) {
    case http::Method::post: return post(service, exchange, *client);
    case http::Method::del: return remove(service, exchange, *std::move(client));
    default: return exchange.respond(http::Response(200));
  }
}

void handle_status(Service& service, server::Exchange& exchange, std::string_view /*rest*/) {
  const auto& counters = service.counters;
  const auto up =
      std::chrono::duration_cast<std::chrono::seconds>(base::Clock::now() - service.started);
  auto response =
      http::Response::json(200, to_json(Status{.seconds_up = static_cast<std::uint64_t>(up.count()),
                                               .open_sockets = counters.open_sockets,
                                               .total_sockets = counters.total_sockets,
                                               .socket_errors = counters.socket_errors,
                                               .http_errors = counters.http_errors}));
  response.set("Cache-Control", "no-store");
  exchange.respond(std::move(response));
}

}  // namespace sigway::dialects::apprtc
