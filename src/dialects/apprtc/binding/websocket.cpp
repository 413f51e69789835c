#include "apprtc_binding/websocket.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <websocketpp/close.hpp>

#include "apprtc/collider.h"
#include "apprtc/room_server.h"
#include "apprtc_binding/channel.h"
#include "apprtc_binding/client.h"
#include "base/reserve.h"
#include "binding/answers.h"
#include "binding/attach.h"
#include "dialects/grammar.h"
#include "websocket/handshake.h"

namespace sigway::dialects::apprtc {
namespace {

using session::End;
using websocket::Port;

std::uint16_t close_code(const Error& error) {
  if (error.code == ErrorCode::draining) return session::info(End::draining).close_code;
  if (error.code == ErrorCode::rate_limited) return session::info(End::rate_limited).close_code;
  return static_cast<std::uint16_t>(4000 + info(error.code).status);
}

/// One connection. It is nobody's until it registers.
class Receiver final : public websocket::Receiver {
 public:
  Receiver(Service& service, std::string address)
      : service_(service), address_(std::move(address)) {}

  void opened(websocket::Connection& socket) override {
    socket_ = &socket;
    if (service_.context.draining) return close(End::draining);
    service_.unregistered[here()].emplace(number_, socket.port(false));
    socket.expect_within(service_.options.register_timeout);
  }
  void message(Frame::Kind kind, std::string_view bytes) override;
  void pong(std::string_view payload) override;
  void drained() override {
    if (session_) binding::drained(service_.context, here(), session_, Channel::kName);
  }
  void timed_out() override { fail(kNotRegistered); }
  void flooded() override { close(End::rate_limited); }
  void peer_closes(std::uint16_t code) override {
    is_page_gone_ = code == websocketpp::close::status::going_away;
  }
  void closed() override;

 private:
  base::ShardIndex here() { return socket_->shard().index(); }
  void close(End reason) {
    socket_->close(session::info(reason).close_code, session::info(reason).name);
  }
  void enroll(ClientId id);
  void pass_on(std::string text, std::size_t bytes);
  /// As the original: says why, and closes.
  void fail(std::string_view why) {
    complain(why);
    socket_->close(kNormalClose, {});
  }
  void complain(std::string_view why) {
    ++service_.counters.socket_errors;
    socket_->send(Frame::Kind::text, server_error(why));
  }

  Service& service_;
  const std::string address_;
  websocket::Connection* socket_ = nullptr;
  std::optional<Port> port_;    // once it is registered
  session::SessionId session_;  // likewise
  const std::uint64_t number_ = binding::next_connection();
  bool is_page_gone_ = false;
};

void Receiver::message(Frame::Kind /*kind*/, std::string_view bytes) {
  auto decoded = decode_message(bytes);
  if (const auto* why = std::get_if<std::string>(&decoded)) return fail(*why);
  auto& message = std::get<ClientMessage>(decoded);
  switch (message.command) {
    case ClientMessage::Command::enroll:
      if (session_) return fail(kRegisteredAlready);
      if (message.room.empty() || message.client.empty()) return fail(kNoIds);
      if (!valid_room(message.room) || is_reserved(message.room) || !valid_room(message.client))
        return fail(kBadIds);
      return enroll({std::move(message.room), std::move(message.client)});
    case ClientMessage::Command::send:
      if (!session_) return fail(kNotRegistered);
      if (message.text.empty()) return fail(kNoMessage);
      return pass_on(std::move(message.text), bytes.size());
    case ClientMessage::Command::other: complain(kUnknownCommand); socket_->count_noise();
  }
}

void Receiver::enroll(ClientId id) {
  socket_->expect_nothing();
  service_.unregistered[here()].erase(number_);
  auto located = binding::locate_to_open(service_.context, contents_of(id, address_), here(),
                                         socket_->shard().now());
  if (const auto* error = std::get_if<Error>(&located)) {
    complain(error->sentence());
    return socket_->close(close_code(*error), info(error->code).name);
  }
  auto& where = std::get<binding::Located>(located);
  port_ = socket_->port(where.id.shard != here());
  session_ = where.id;
  ++service_.counters.open_sockets;
  ++service_.counters.total_sockets;
  binding::at_session(
      service_.context, here(), session_,
      [&service = service_, where = std::move(where), room = std::move(id.room), port = *port_,
       number = number_](session::Hub& hub) {
        session::Inputs inputs;
        inputs.carrier = Channel::kName;
        inputs.ack = 0;  // from now on pongs acknowledge
        const auto result = binding::attach_stream(
            hub, {.located = where,
                  .inputs = std::move(inputs),
                  .connection = number,
                  .heartbeat = hub.settings().heartbeat,
                  .make =
                      [&hub](const session::Session& session) {
                        return std::make_unique<Channel>(session, hub);
                      },
                  .accept =
                      [&](const binding::Welcomed& welcomed) {
                        welcomed.session.behave_as(kClient);
                        return Channel::of(welcomed.session, hub).registered(service, number, port);
                      }});
        if (const auto* error = std::get_if<Error>(&result)) {
          port.send_text(server_error(error->sentence()));
          return port.close(close_code(*error), info(error->code).name);
        }
        auto& session = *std::get<binding::Attached>(result).session;
        if (is_in_room(session)) return;
        // It had left the room, and comes back.
        session::Inputs again;
        again.messages.push_back({std::nullopt, Command(Join{room, kCapacity})});
        const auto error = session.process(std::move(again));
        if (!error) return;  // its channel says whether it may
        port.send_text(server_error(error->sentence()));
        session.end(End::rate_limited);
      },
      [port = *port_] { port.abort(); });
}

void Receiver::pass_on(std::string text, std::size_t bytes) {
  socket_->passed_on(bytes);
  binding::at_session(
      service_.context, here(), session_,
      [id = session_, text = std::move(text), port = *port_, bytes](session::Hub& hub) {
        auto* const session = hub.find(id.serial);
        port.message_taken(bytes);
        // Its channel was told why; or it has left the room, and everybody there knows.
        if (session == nullptr || !is_in_room(*session)) return;
        const auto error = say(*session, text);
        // Frames cannot be taken back: a client must not believe that it was heard.
        if (error) port.close(close_code(*error), info(error->code).name);
      },
      [port = *port_] { port.abort(); });
}

void Receiver::pong(std::string_view payload) {
  if (!session_) return;
  binding::at_session(
      service_.context, here(), session_,
      [id = session_, number = number_, payload = std::string(payload)](session::Hub& hub) {
        auto* const session = hub.find(id.serial);
        auto* const channel = session == nullptr ? nullptr : Channel::find(*session);
        if (channel == nullptr || !channel->serves(number)) return;
        session::Inputs inputs;  // a sign of life, also if it proves nothing
        inputs.ack = channel->pong(payload);
        session->process(std::move(inputs));
      });
}

void Receiver::closed() {
  service_.unregistered[here()].erase(number_);
  if (!session_) return;
  --service_.counters.open_sockets;
  if (!is_page_gone_) return binding::detach(service_.context, here(), session_, number_);
  // The client was in the page, and no other one knows its id. Unless it is on another WebSocket.
  base::try_from_reserve([&] {
    binding::at_session(service_.context, here(), session_,
                        [id = session_, number = number_](session::Hub& hub) {
                          auto* const session = hub.find(id.serial);
                          if (session == nullptr) return;
                          const auto* const channel = Channel::find(*session);
                          const bool is_latest = channel != nullptr && channel->serves(number);
                          session->detach(number);
                          if (is_latest) session->end(End::left);
                        });
  });
}

}  // namespace

void handle_websocket(Service& service, server::Exchange& exchange, std::string_view /*rest*/) {
  const auto& request = exchange.request();
  auto handshake = websocket::shake_hands(request, websocket::offered_subprotocol(request));
  if (!handshake.upgrade) return exchange.respond(std::move(handshake.response));
  if (service.context.draining)
    return exchange.respond(binding::refusal(Error{.code = ErrorCode::draining}));
  exchange.upgrade(std::move(handshake.response),
                   std::make_unique<websocket::Connection>(
                       service.options.websocket,
                       std::make_unique<Receiver>(service, exchange.client_address())));
}

}  // namespace sigway::dialects::apprtc
