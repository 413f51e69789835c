#include "apprtc_binding/client.h"

#include <utility>

#include "apprtc/payload.h"
#include "dialects/scope.h"

namespace sigway::dialects::apprtc {

session::KeyHash key_of(const ClientId& id) {
  return session::hash_key(scoped(dialect().name(), scoped(id.room, id.client)));
}

session::OpenContents contents_of(const ClientId& id, const std::string& address) {
  return {.key = key_of(id),
          .room = id.room,
          .name = {},
          .capacity = kCapacity,
          .replaces = {},
          .dialect = &dialect(),
          .traits = &kExpected,
          .address = base::AddressKey::parse(address)};
}

std::variant<session::Session*, Error> look_up(session::Hub& hub, const ClientId& id,
                                               base::AddressKey from) {
  const auto found = hub.shared().directory.find(key_of(id), hub.now());
  if (found.state == session::Directory::State::live) return hub.find(found.id.serial);
  if (hub.shared().joins.take(from, hub.now())) return nullptr;
  return Error{
      .code = ErrorCode::rate_limited,
      .message = "Your address asks for clients that are not there too often.",
      .hint = "Try again in a few seconds. --join-rate sets the limit; 0 switches it off."};
}

base::AddressKey address_of(const http::Exchange& exchange) {
  return base::AddressKey::parse(exchange.client_address());
}

bool is_in_room(const session::Session& session) noexcept {
  return !session.rooms().empty() || session.awaits_bus();
}

std::optional<Error> say(session::Session& session, std::string_view text) {
  session::Inputs inputs;
  inputs.repeatable = true;
  inputs.messages.push_back({std::nullopt, Command(say_of(text))});
  auto error = session.process(std::move(inputs));
  if (!error && session.ended()) error = Error{.code = ErrorCode::overloaded};
  return error;
}

}  // namespace sigway::dialects::apprtc
