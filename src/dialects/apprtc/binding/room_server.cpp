#include "apprtc_binding/room_server.h"

#include <optional>
#include <string>
#include <utility>

#include "apprtc/collider.h"
#include "apprtc/payload.h"
#include "apprtc/room_server.h"
#include "apprtc_binding/channel.h"
#include "apprtc_binding/client.h"
#include "apprtc_binding/saying.h"
#include "base/reserve.h"
#include "binding/answers.h"
#include "binding/opening.h"
#include "dialects/json_writer.h"
#include "session/key.h"

namespace sigway::dialects::apprtc {
namespace {

using session::End;

/// Bytes of a client's id, which is all that protects the client. The original has eight digits,
/// and its clients take any text.
constexpr std::size_t kIdBytes = 16;

http::Response no_such_path() {
  return http::Response::error(404, "unknown_route", "There is nothing at this path.",
                               "A room and a client have 1 to 128 letters, digits, '-' and '_'. A "
                               "room is none of: join, message, leave, r, params, v1alpha, ws, "
                               "status.");
}

bool is_room(std::string_view text) noexcept { return is_id(text) && !is_reserved(text); }

/// `ROOM/CLIENT`
std::optional<ClientId> read_ids(std::string_view rest) {
  const auto slash = rest.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto room = rest.substr(0, slash);
  const auto client = rest.substr(slash + 1);
  if (!is_room(room) || !is_id(client)) return std::nullopt;
  return ClientId{std::string(room), std::string(client)};
}

http::Response result(Result which) { return binding::answer(answer(which)); }

/// What a client hears that has no place in the room.
Result unknown(session::Hub& hub, const std::string& room) {
  return hub.switchboard().members(room) == 0 ? Result::unknown_room : Result::unknown_client;
}

// -- Join

/// What is said in the room so far, as a JSON array of texts.
std::string messages_of(Waiting::Events events) {
  std::string out = "[";
  const auto append = [&out](std::string_view quoted) {
    if (out.back() != '[') out += ',';
    out += quoted;
  };
  for (const auto& event : events) {
    if (note_of(event) == Note::gone) append(quoted_text_of(server_message(kBye)));
    for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get()) {
      if (!frame->bytes.empty()) append(quoted_text_of(frame->bytes));
    }
  }
  return out += ']';
}

http::Response welcome(Visitor visitor, Waiting::Events events) {
  visitor.is_initiator = false;
  for (const auto& event : events)
    visitor.is_initiator = *visitor.is_initiator || note_of(event) == Note::created;
  return binding::answer(joined(visitor, messages_of(events)));
}

http::Response farewell(End reason) {
  if (reason == End::full) return binding::answer(not_joined(Result::full));
  return binding::refusal(binding::error_of(reason));
}

/// Nobody knows the id of a client whose join was not answered, so that its place is free at once.
void end_when_gone(binding::Context& context, http::Exchange& exchange, session::SessionId id) {
  exchange.on_gone([&context, here = exchange.id().shard, id] {
    base::try_from_reserve([&] {
      binding::at_session(context, here, id,
                          [id](session::Hub& hub) { hub.end(id.serial, End::left); });
    });
  });
}

}  // namespace

void handle_join(Service& service, server::Exchange& exchange, std::string_view rest) {
  if (!is_room(rest)) return exchange.respond(no_such_path());
  auto& context = service.context;
  const auto here = exchange.id().shard;
  Visitor visitor{.base_url = exchange.base_url(),
                  .room = std::string(rest),
                  .client = session::make_token(kIdBytes)};
  auto located = binding::locate_to_open(
      context, contents_of({visitor.room, visitor.client}, exchange.client_address()), here,
      context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(binding::refusal(*error));
  auto& where = std::get<binding::Located>(located);
  // Somebody else has this id, which all but never happens.
  if (where.opening == nullptr)
    return exchange.respond(binding::answer(not_joined(Result::duplicate_client)));
  const auto id = where.id;
  end_when_gone(context, exchange, id);
  binding::at_session(
      context, here, id,
      [where = std::move(where), visitor = std::move(visitor), &replies = exchange.replies(),
       to = exchange.id()](session::Hub& hub) mutable {
        const auto entered = binding::enter(hub, where);
        if (const auto* error = std::get_if<Error>(&entered))
          return replies.respond(to, binding::refusal(*error));
        auto& session = *std::get<session::Session*>(entered);
        Channel::of(session, hub)
            .wait({.replies = &replies,
                   .to = to,
                   .placed = [visitor = std::move(visitor)](
                                 Waiting::Events events) { return welcome(visitor, events); },
                   .ended = &farewell,
                   .is_join = true});
        session.carriers_changed();
      },
      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

// -- Message and leave

namespace {

http::Response result_of(const Said& said) {
  if (said.error) return binding::refusal(*said.error);
  return result(said.is_unsent ? Result::error : Result::success);
}

http::Response not_placed(End reason) {
  if (reason == End::full) return result(Result::unknown_client);
  return binding::refusal(binding::error_of(reason));
}

}  // namespace

void handle_message(Service& service, server::Exchange& exchange, std::string_view rest) {
  auto id = read_ids(rest);
  if (!id) return exchange.respond(no_such_path());
  const auto room = id->room;
  at_room(
      service, exchange, room,
      [id = *std::move(id), from = address_of(exchange), text = std::move(exchange.request().body),
       &replies = exchange.replies(), to = exchange.id()](session::Hub& hub) {
        const auto found = look_up(hub, id, from);
        if (const auto* error = std::get_if<Error>(&found))
          return replies.respond(to, binding::refusal(*error));
        auto* const session = std::get<session::Session*>(found);
        if (session == nullptr || !is_in_room(*session))
          return replies.respond(to, result(unknown(hub, id.room)));
        if (text.empty()) return replies.respond(to, result(Result::error));
        say_and_answer(hub, *session, text,
                       {.replies = &replies, .to = to, .answer = &result_of, .ended = &not_placed});
      });
}

void handle_leave(Service& service, server::Exchange& exchange, std::string_view rest) {
  auto id = read_ids(rest);
  if (!id) return exchange.respond(no_such_path());
  const auto room = id->room;
  at_room(service, exchange, room,
          [id = *std::move(id), from = address_of(exchange), &replies = exchange.replies(),
           to = exchange.id()](session::Hub& hub) {
            const auto found = look_up(hub, id, from);
            if (const auto* error = std::get_if<Error>(&found))
              return replies.respond(to, binding::refusal(*error));
            auto* const session = std::get<session::Session*>(found);
            if (session != nullptr && is_in_room(*session)) {
              // A client of the original says "bye" after this, and then closes. The session stays
              // for that: without it Collider would give the client another place.
              session::Inputs inputs;
              inputs.messages.push_back({std::nullopt, Command(LeaveRoom{id.room})});
              if (session->process(std::move(inputs))) session->end(End::left);
            }
            replies.respond(to, http::Response(200));
          });
}

// -- What does not change

void handle_params(Service& /*service*/, server::Exchange& exchange, std::string_view /*rest*/) {
  exchange.respond(binding::answer(parameters({.base_url = exchange.base_url()})));
}

void handle_room(Service& /*service*/, server::Exchange& exchange, std::string_view rest) {
  if (!is_room(rest)) return exchange.respond(no_such_path());
  const std::string room(rest);
  if (exchange.request().joined_header("accept").find("text/html") == std::string::npos) {
    return exchange.respond(
        binding::answer(parameters({.base_url = exchange.base_url(), .room = room})));
  }
  http::Response response(302);
  response.set("Location", "../../r/" + room);
  response.set("Cache-Control", "no-store");
  response.set("Vary", "Accept");
  exchange.respond(std::move(response));
}

void handle_ice_config(Service& service, server::Exchange& exchange, std::string_view /*rest*/) {
  exchange.respond(
      binding::answer(ice_config(service.context.server.ice_servers(session::make_peer_id()))));
}

}  // namespace sigway::dialects::apprtc
