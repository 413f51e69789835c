#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "apprtc/apprtc.h"
#include "apprtc_binding/service.h"
#include "base/address_key.h"
#include "binding/reach.h"
#include "http/exchange.h"
#include "session/hub.h"

/// A client of AppRTC as a session of the bus: its room and its id are its name. The session lives
/// on the shard of its room, so that all about a room is decided on one shard.
namespace sigway::dialects::apprtc {

struct ClientId {
  std::string room, client;
};

/// Nobody else can have this key: it has a line feed.
session::KeyHash key_of(const ClientId& id);
session::OpenContents contents_of(const ClientId& id, const std::string& address);

/// The client's session; null: there is none. On the room's shard. An id is all that protects a
/// client, so each one that is not there counts as a join of the address that has asked for it
/// (`Shared::joins`); `rate_limited` if it has guessed too often.
std::variant<session::Session*, Error> look_up(session::Hub& hub, const ClientId& id,
                                               base::AddressKey from);
/// Who asks.
base::AddressKey address_of(const http::Exchange& exchange);

/// It has its place, or waits for the answer. Else it has left the room, and is there only until
/// its WebSocket closes.
bool is_in_room(const session::Session& session) noexcept;

/// Says `text` in the client's room. The error: it was not taken. That it was refused comes later.
std::optional<Error> say(session::Session& session, std::string_view text);

/// Runs `task(hub)` on the room's shard, perhaps at once; the request is cut if there is no memory
/// for that.
template <typename Task>
void at_room(const Service& service, http::Exchange& exchange, std::string_view room, Task task) {
  auto& context = service.context;
  const auto shards = static_cast<base::ShardIndex>(context.shared.hubs.size());
  binding::at_session(context, exchange.id().shard,
                      {.shard = context.home_of(room, shards), .serial = 0}, std::move(task),
                      [&replies = exchange.replies(), to = exchange.id()] { replies.abandon(to); });
}

}  // namespace sigway::dialects::apprtc
