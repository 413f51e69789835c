#include "native_binding/entry.h"

#include <algorithm>
#include <utility>

namespace sigway::dialects::native {

using session::Hub;
using session::Session;

namespace {

std::variant<Located, Error> with_key(binding::LocateResult&& result, std::string made_key) {
  if (auto* error = std::get_if<Error>(&result)) return std::move(*error);
  return Located{std::get<binding::Located>(std::move(result)), std::move(made_key)};
}

std::variant<Located, Error> locate_open(binding::Context& context, const Request& request,
                                         std::string_view address, base::ShardIndex here,
                                         base::TimePoint now) {
  if (context.draining) return Error{.code = ErrorCode::draining};
  const auto& open = *request.open;
  session::OpenContents contents;
  std::string made_key;
  if (!request.key) made_key = session::make_key();
  const std::string& key = request.key ? *request.key : made_key;
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
  contents.dialect = &dialect();
  contents.traits = request.key ? &kClient : &kPerson;
  contents.address = base::AddressKey::parse(address);
  return with_key(binding::locate_to_open(context, std::move(contents), here, now),
                  std::move(made_key));
}

/// The client has shown that it has the key; from now on a person's session outlives its
/// connection.
void key_was_quoted(Session& session, const Located& located) {
  if (located.made_key.empty() && &session.traits() == &kPerson) session.behave_as(kPersonWithKey);
}

}  // namespace

std::variant<Located, Error> locate(binding::Context& context, const Request& request,
                                    std::string_view address, base::ShardIndex here,
                                    base::TimePoint now, base::DigestMemo* memo) {
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
  const auto key =
      memo == nullptr ? session::hash_key(*request.key) : session::hash_key(*request.key, *memo);
  if (auto found = binding::locate(context, dialect(), key, now))
    return with_key(*std::move(found), {});
  const bool elsewhere = request.resume && !request.resume->server.empty() &&
                         request.resume->server != context.server.id;
  return Error{.code = elsewhere ? ErrorCode::restarted : ErrorCode::unknown_key};
}

std::variant<Session*, Error> enter(Hub& hub, const Located& located) {
  auto entered = binding::enter(hub, located);
  if (auto* const* session = std::get_if<Session*>(&entered)) key_was_quoted(**session, located);
  return entered;
}

std::string carrier_name(const Request& request) { return request.carrier.value_or("default"); }

session::Inputs inputs_of(Request& request, bool opening) {
  session::Inputs inputs;
  inputs.ack = request.ack;
  inputs.messages = std::move(request.messages);
  inputs.carrier = carrier_name(request);
  inputs.turn = request.turn;
  inputs.hello = request.hello;
  inputs.away = request.away;
  inputs.opening = opening;
  return inputs;
}

Welcome welcome(const binding::Context& context, const Session& session, const Located& located,
                const session::Carrier& carrier, std::string carrier_name,
                std::optional<std::uint64_t> next, base::Duration heartbeat) {
  const auto ms = [](base::Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
  };
  const auto& settings = context.shared.settings;
  Welcome welcome;
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

binding::AttachResult attach_stream(binding::Context& context, Hub& hub, StreamAttach attach) {
  const auto& located = attach.located;
  auto inputs = inputs_of(attach.request, located.open.has_value());
  const auto name = inputs.carrier;
  const auto heartbeat = heartbeat_of(hub.settings(), attach.request);
  return binding::attach_stream(
      hub, {.located = static_cast<const binding::Located&>(located),
            .inputs = std::move(inputs),
            .connection = attach.connection,
            .heartbeat = heartbeat,
            .make = std::move(attach.make),
            .accept = [&](const binding::Welcomed& welcomed) {
              key_was_quoted(welcomed.session, located);
              return attach.accept(welcome(context, welcomed.session, located, welcomed.carrier,
                                           name, welcomed.next, heartbeat),
                                   welcomed.session);
            }});
}

std::string goodbye(session::End reason, base::Duration retry, const Session& session) {
  std::optional<std::uint64_t> retry_ms, expected;
  if (retry > base::Duration{})
    retry_ms = std::chrono::duration_cast<std::chrono::milliseconds>(retry).count();
  if (reason == session::End::draining) expected = session.draining().expected;
  const auto& row = session::info(reason);
  return end_control(row.name, row.sentence, retry_ms, expected);
}

std::variant<std::uint64_t, Error> upload(Hub& hub, const Located& located, Request&& request) {
  const auto entered = enter(hub, located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto* const session = std::get<Session*>(entered);
  auto inputs = inputs_of(request, located.open.has_value());
  inputs.repeatable = true;
  if (auto error = session->process(std::move(inputs))) return *std::move(error);
  return session->up();
}

}  // namespace sigway::dialects::native
