#include "entry/entry.h"

#include <algorithm>
#include <utility>

namespace sigway::entry {

using dialects::Error;
using dialects::ErrorCode;
using dialects::native::Request;
using session::Directory;
using session::Hub;
using session::Session;

namespace {

std::variant<Located, Error> locate_open(Context& context, const Request& request,
                                         const std::string& address, base::ShardIndex here,
                                         base::TimePoint now) {
  if (context.draining) return Error{.code = ErrorCode::draining};
  auto& shared = context.shared;
  Located located;
  const auto& open = *request.open;
  session::OpenContents contents;
  if (!request.key) located.made_key = session::make_key();
  const std::string& key = request.key ? *request.key : located.made_key;
  if (open.replaces == key) {
    return Error{.code = ErrorCode::bad_request,
                 .message = "`open.replaces` is the session's own key.",
                 .hint = "Make a new key for the new session."};
  }
  contents.key = session::hash_key(key);
  contents.room = open.room.value_or("");
  contents.name = open.name.value_or("");
  contents.capacity = open.capacity.value_or(0);
  if (open.replaces) contents.replaces = session::hash_key(*open.replaces);
  contents.personal = !request.key;
  contents.address = base::AddressKey::parse(address);
  contents.dialect = &dialects::native::dialect();

  const auto shards = static_cast<base::ShardIndex>(shared.hubs.size());
  const auto home = open.room ? context.home_of(*open.room, shards) : here;
  auto found = shared.directory.find(contents.key, now);
  if (found.state == Directory::State::unknown) {
    if (shared.memory.exceeded()) return Error{.code = ErrorCode::overloaded};
    if (open.room) {
      if (auto error = shared.take_join(*open.room, contents.address, now))
        return *std::move(error);
    }
    auto opening = std::make_shared<Opening>(shared, contents);
    if (!shared.addresses.try_add(contents.address))
      return Error{.code = ErrorCode::too_many_sessions};
    opening->counted();
    found = shared.directory.find_or_insert(contents.key, home, now);
    // Else another request was faster.
    if (found.inserted) {
      opening->inserted(found.id);
      contents.counted = true;
      located.opening = std::move(opening);
    }
  }
  if (found.state == Directory::State::ended) return session::gone(found.reason);
  located.id = found.id;
  located.key = contents.key;
  located.open = std::move(contents);
  return located;
}

Error gone(Hub& hub, const session::KeyHash& key) {
  return session::gone(hub.shared().directory.find(key, hub.now()).reason);
}

}  // namespace

Opening::~Opening() {
  if (id_) shared_.directory.forget_unmade(key_, id_);
  if (is_counted_) shared_.addresses.subtract(address_);
}

std::variant<Located, Error> locate(Context& context, const Request& request,
                                    const std::string& address, base::ShardIndex here,
                                    base::TimePoint now) {
  if (request.open && request.resume) {
    return Error{.code = ErrorCode::bad_request,
                 .message = "A request either opens or resumes.",
                 .hint = "Send `open` with a new key, or `resume` with one that is known."};
  }
  if (request.open) return locate_open(context, request, address, here, now);
  if (!request.key) {
    return Error{.code = ErrorCode::bad_key,
                 .message = "The request has no key.",
                 .hint = "Send `key`, the session's key, in the body; or open a session first."};
  }
  if (request.resume && context.draining) return Error{.code = ErrorCode::draining};
  const auto key = session::hash_key(*request.key);
  const auto found = context.shared.directory.find(key, now);
  switch (found.state) {
    case Directory::State::live: return Located{found.id, std::nullopt, {}, key, {}};
    case Directory::State::ended: return session::gone(found.reason);
    case Directory::State::unknown: break;
  }
  const bool elsewhere = request.resume && !request.resume->server.empty() &&
                         request.resume->server != context.server.id;
  return Error{.code = elsewhere ? ErrorCode::restarted : ErrorCode::unknown_key};
}

std::variant<Session*, Error> enter(Hub& hub, const Located& located) {
  if (located.open) {
    auto opened = hub.open(located.id, *located.open);
    if (located.opening) located.opening->made();
    if (auto* const* session = std::get_if<Session*>(&opened); session != nullptr) {
      if ((*session)->ended()) return gone(hub, located.key);
      if (located.made_key.empty()) (*session)->quoted();
    }
    return opened;
  }
  auto* session = hub.find(located.id.serial);
  if (session == nullptr) {
    // Looked up a moment ago and not here: it has ended since, or its opening request is still on
    // the way to this shard and this one has overtaken it.
    if (hub.shared().directory.is_live(located.key, located.id))
      return Error{.code = ErrorCode::unknown_key};
    return gone(hub, located.key);
  }
  session->quoted();
  return session;
}

std::string carrier_name(const Request& request) { return request.carrier.value_or("default"); }

session::Inputs inputs_of(Request& request, bool opening, bool attached) {
  session::Inputs inputs;
  inputs.ack = request.ack;
  inputs.messages = std::move(request.messages);
  inputs.carrier = carrier_name(request);
  if (!attached) inputs.turn = request.turn;
  inputs.hello = request.hello;
  inputs.away = request.away;
  inputs.opening = opening;
  return inputs;
}

dialects::native::Welcome welcome(const Context& context, const Session& session,
                                  const Located& located, const session::Carrier& carrier,
                                  std::string carrier_name, std::optional<std::uint64_t> next,
                                  base::Duration heartbeat) {
  const auto ms = [](base::Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  const auto& settings = context.shared.settings;
  dialects::native::Welcome welcome;
  welcome.server = context.server.id;
  welcome.peer = session.peer();
  welcome.carrier = std::move(carrier_name);
  welcome.key = located.made_key;
  welcome.active = session.turn() != 0 && session.receives(carrier);
  welcome.turn = session.turn();
  welcome.up = session.up();
  welcome.next = next;
  welcome.ice_json = context.server.ice_servers(session.peer());
  welcome.heartbeat_ms = ms(heartbeat);
  welcome.hold_ms = ms(settings.poll_hold);
  welcome.resume_ms = ms(settings.resume_window);
  welcome.max_body = context.server.max_body;
  return welcome;
}

namespace {

/// What the client asks for, within what the server allows. Compared as milliseconds: more would
/// not fit the clock's ticks.
base::Duration heartbeat_of(const session::Settings& settings, const Request& request) {
  if (!request.heartbeat_ms) return settings.heartbeat;
  const auto longest =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings.heartbeat).count();
  const auto asked = std::max<std::uint64_t>(1000, *request.heartbeat_ms);
  return std::chrono::milliseconds(
      std::min<std::uint64_t>(asked, static_cast<std::uint64_t>(longest)));
}

}  // namespace

AttachResult attach_stream(Context& context, Hub& hub, StreamAttach attach) {
  auto& request = attach.request;
  const auto entered = enter(hub, attach.located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto* const session = std::get<Session*>(entered);
  const auto cursor = session->cursor_for(request.ack);
  if (const auto* error = std::get_if<Error>(&cursor)) return *error;

  const auto name = carrier_name(request);
  const bool answers = !session->personal();
  const auto opened = session->open_carrier(name, [&] { return attach.make(answers); });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  if (const auto* ended = std::get_if<Session::CarrierEnded>(&opened)) return ended->reason;
  auto* const carrier = dynamic_cast<session::StreamCarrier*>(std::get<session::Carrier*>(opened));
  if (carrier == nullptr) return Error{.code = ErrorCode::carrier_mismatch};

  const bool opening = attach.located.open.has_value();
  if (request.turn) session->activate_with_attach(*carrier, *request.turn);
  const auto heartbeat = heartbeat_of(hub.settings(), request);
  const auto start = std::get<std::uint64_t>(cursor);
  auto sink = attach.accept(
      welcome(context, *session, attach.located, *carrier, name, start + 1, heartbeat));
  if (sink != nullptr)
    carrier->attach(attach.connection, std::move(sink), start, heartbeat, hub.now());
  session->carriers_changed();
  auto error = session->process(inputs_of(request, opening, true));
  return Attached{session, std::move(error)};
}

std::variant<std::uint64_t, Error> upload(Hub& hub, const Located& located, Request request) {
  const auto entered = enter(hub, located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto* const session = std::get<Session*>(entered);
  const bool opening = located.open.has_value();
  auto inputs = inputs_of(request, opening, false);
  inputs.repeatable = true;
  if (auto error = session->process(std::move(inputs))) return *std::move(error);
  return session->up();
}

}  // namespace sigway::entry
