#include "native_binding/websocket.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <websocketpp/close.hpp>

#include "base/reserve.h"
#include "native_binding/http_entry.h"
#include "native_binding/websocket_sink.h"
#include "websocket/handshake.h"

namespace sigway::dialects::native {
namespace {

using websocket::Port;

std::uint16_t close_code(const Error& error) {
  return static_cast<std::uint16_t>(4000 + info(error.code).status);
}

std::unique_ptr<session::StreamCarrier> make_carrier(const session::Hub& hub) {
  return std::make_unique<session::StreamCarrier>(session::StreamOptions{
      .heartbeat = hub.settings().heartbeat, .patience = 1, .max_age = {}, .max_bytes = 0});
}

/// Says that a frame was refused, and counts it against the message rate.
void tell_error(const Port& port, const Error& error) {
  // `up` says that it was not taken. An error would end the carrier, which still brings events.
  if (error.code == ErrorCode::draining) return;
  port.send_text(error_control(error));
  port.count_noise();
}

/// Frames to requests. What comes down is written by the session's sink.
class Receiver final : public websocket::Receiver {
 public:
  /// `persons` is the request that the URL's query made, to be run at once.
  Receiver(binding::Context& context, const WebSocketOptions& options, Lobby& lobby,
           std::string address, std::unique_ptr<Request> persons)
      : context_(context),
        options_(options),
        lobby_(lobby),
        address_(std::move(address)),
        persons_(std::move(persons)) {}

  void opened(websocket::Connection& socket) override {
    socket_ = &socket;
    number_ = binding::next_connection();
    lobby_.add(here(), socket);
    socket.expect_within(options_.attach_timeout);
    if (persons_) attach(std::move(*std::exchange(persons_, nullptr)));
  }

  void message(Frame::Kind kind, std::string_view bytes) override;

  void pong(std::string_view /*payload*/) override {
    if (session_) binding::hear(context_, here(), session_);
  }

  void drained() override { binding::drained(context_, here(), session_, carrier_); }

  void timed_out() override {
    const auto& row = session::info(session::End::no_attach);
    socket_->send(Frame::Kind::text, end_control(row.name, row.sentence, std::nullopt));
    socket_->close(row.close_code, row.name);
  }

  void flooded() override {
    const auto& row = session::info(session::End::rate_limited);
    socket_->send(Frame::Kind::text, end_control(row.name, row.sentence, 1000));
    socket_->close(row.close_code, row.name);
  }

  void closed() override {
    lobby_.remove(here(), *socket_);
    if (session_) binding::detach(context_, here(), session_, number_);
  }

 private:
  base::ShardIndex here() { return socket_->shard().index(); }
  void attach(Request request);
  void pass_on(Request request, std::size_t bytes);
  /// Refuses what has come; without a session there is nothing to go on with.
  void refuse(const Error& error) {
    socket_->send(Frame::Kind::text, error_control(error));
    socket_->count_noise();
    if (!session_) socket_->close(close_code(error), info(error.code).name);
  }

  binding::Context& context_;
  const WebSocketOptions& options_;
  Lobby& lobby_;
  std::string address_;
  std::unique_ptr<Request> persons_;  // until it is run
  websocket::Connection* socket_ = nullptr;
  std::optional<Port> port_;  // once it has a session
  session::SessionId session_;
  std::string carrier_;
  std::uint64_t number_ = 0;  // of this connection, toward the session
};

void Receiver::message(Frame::Kind kind, std::string_view bytes) {
  if (kind == Frame::Kind::binary)
    return socket_->fail(websocketpp::close::status::unsupported_data, "text frames only");
  auto decoded = decode_request(bytes);
  if (const auto* error = std::get_if<Error>(&decoded)) return refuse(*error);
  auto& request = std::get<Request>(decoded);
  if (request.ping) socket_->count_noise();
  if (socket_->is_closing()) return;
  if (!session_) return attach(std::move(request));
  if (request.open || request.resume || request.key) {
    return refuse(Error{.code = ErrorCode::bad_request,
                        .message = "This WebSocket has its session already.",
                        .hint = "`key`, `open` and `resume` belong into the first frame only."});
  }
  pass_on(std::move(request), bytes.size());
}

void Receiver::attach(Request request) {
  if (!request.open && !request.resume) {
    return refuse(Error{
        .code = ErrorCode::bad_request,
        .message = "The first frame neither opens nor resumes a session.",
        .hint =
            R"(Send {"key":"…","open":{"room":"foo"},"carrier":"a1"} first; without a key the server makes one.)"});
  }
  auto located = locate(context_, request, address_, here(), socket_->shard().now());
  if (const auto* error = std::get_if<Error>(&located)) return refuse(*error);
  socket_->expect_nothing();
  lobby_.remove(here(), *socket_);
  const auto where = std::get<Located>(std::move(located));
  session_ = where.id;
  carrier_ = carrier_name(request);
  port_ = socket_->port(session_.shard != here());
  binding::at_session(
      context_, here(), session_,
      [&context = context_, where, request = std::move(request), port = *port_,
       number = number_](session::Hub& hub) mutable {
        const bool messages = !request.messages.empty();
        const auto ping = request.ping;
        const auto result =
            attach_stream(context, hub,
                          {where, std::move(request), number,
                           [&hub](const session::Session&) { return make_carrier(hub); },
                           [port](const Welcome& welcome, const session::Session& session) {
                             port.send_text(welcome_control(welcome));
                             return std::make_unique<WebSocketSink>(port, session);
                           }});
        if (const auto* error = std::get_if<Error>(&result)) {
          port.send_text(error_control(*error));
          port.close(close_code(*error), info(error->code).name);
        } else if (const auto* ended = std::get_if<session::End>(&result)) {
          port.close(session::info(*ended).close_code, session::info(*ended).name);
        } else {
          const auto& attached = std::get<binding::Attached>(result);
          if (attached.error) tell_error(port, *attached.error);
          if (messages) port.send_text(up_control(attached.session->up()));
          if (ping) port.send_text(pong_control(*ping));
        }
      },
      [port = *port_] { port.abort(); });
}

void Receiver::pass_on(Request request, std::size_t bytes) {
  socket_->passed_on(bytes);
  if (!request.carrier) request.carrier = carrier_;
  binding::at_session(
      context_, here(), session_,
      [id = session_, request = std::move(request), port = *port_,
       bytes](session::Hub& hub) mutable {
        auto* const session = hub.find(id.serial);
        port.message_taken(bytes);
        if (session == nullptr) return;  // its carriers were told why
        const bool messages = !request.messages.empty();
        const auto ping = request.ping;
        const auto error = session->process(inputs_of(request, false));
        if (error) {
          tell_error(port, *error);
          if (error->code == ErrorCode::rate_limited) {
            // Frames cannot be taken back; whoever returns sends again from `up`.
            const auto& row = session::info(session::End::rate_limited);
            port.send_text(end_control(row.name, row.sentence, 1000));
            port.close(row.close_code, row.name);
            return;
          }
        }
        if (messages) port.send_text(up_control(session->up()));
        if (ping) port.send_text(pong_control(*ping));
      },
      [port = *port_] { port.abort(); });
}

}  // namespace

void Lobby::drain(base::ShardIndex shard) noexcept {
  const auto& row = session::info(session::End::draining);
  constexpr auto kRetry =
      std::chrono::duration_cast<std::chrono::milliseconds>(session::kDrainRetry).count();
  for (auto* const socket : std::exchange(sockets_[shard], {})) {
    // One that cannot be told for want of memory hears of it when the server stops.
    base::try_from_reserve([&] {
      socket->send(Frame::Kind::text, end_control(row.name, row.sentence, kRetry));
      socket->close(row.close_code, row.name);
    });
  }
}

void handle_websocket(binding::Context& context, const WebSocketOptions& options, Lobby& lobby,
                      server::Exchange& exchange) {
  const auto& request = exchange.request();
  auto handshake = websocket::shake_hands(request, "sigway.v1");
  if (!handshake.upgrade) return exchange.respond(std::move(handshake.response));
  auto read = read_query(request);
  if (auto* refused = std::get_if<http::Response>(&read))
    return exchange.respond(std::move(*refused));
  std::unique_ptr<Request> persons;
  auto& from_query = std::get<Request>(read);
  if (from_query.open->room || from_query.open->name)
    persons = std::make_unique<Request>(std::move(from_query));
  exchange.upgrade(std::move(handshake.response),
                   std::make_unique<websocket::Connection>(
                       options.connection,
                       std::make_unique<Receiver>(context, options, lobby,
                                                  exchange.client_address(), std::move(persons))));
}

}  // namespace sigway::dialects::native
