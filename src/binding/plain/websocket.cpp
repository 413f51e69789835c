#include "plain/websocket.h"

#include <memory>
#include <new>
#include <utility>

#include "binding/answers.h"
#include "binding/attach.h"
#include "binding/reach.h"
#include "websocket/handshake.h"

namespace sigway::plain {
namespace {

using dialects::Error;
using dialects::ErrorCode;
using dialects::Frame;
using dialects::Payload;
using websocket::Port;

constexpr std::string_view kCarrier = "socket";

void close(const Port& port, session::End reason) {
  port.close(session::info(reason).close_code, session::info(reason).name);
}

void close(const Port& port, const Error& error) {
  port.close(static_cast<std::uint16_t>(4000 + info(error.code).status), info(error.code).name);
}

/// A session's events as frames of one WebSocket. Nothing else has a word in such a dialect: the
/// connection is proved by pings, and its end by the close frame.
class SocketSink final : public session::StreamSink {
 public:
  explicit SocketSink(Port port) : port_(std::move(port)) {}

  std::size_t room() override { return port_.room(); }
  std::size_t unsent() override { return port_.unsent(); }
  void events(std::uint64_t, std::span<const dialects::EncodedEvent> events) override {
    for (const auto& event : events) port_.send(event);
  }
  void activated(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void standby(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t /*next*/) override { port_.ping(); }
  void probe() override { port_.ping(); }
  void takes_more() override { port_.resume_reading(); }
  void end(session::End reason, base::Duration /*retry*/) override {
    try {
      close(port_, reason);
    } catch (const std::bad_alloc&) {
      port_.abort();
    }
  }

 private:
  Port port_;
};

class Receiver final : public websocket::Receiver {
 public:
  Receiver(binding::Context& context, const Protocol& protocol, Entrance entrance,
           binding::Located located)
      : context_(context),
        protocol_(protocol),
        entrance_(std::move(entrance)),
        located_(std::make_unique<binding::Located>(std::move(located))),
        session_(located_->id) {}

  void opened(websocket::Connection& socket) override;
  void message(Frame::Kind kind, std::string_view bytes) override;
  void pong(std::string_view /*payload*/) override { binding::hear(context_, here(), session_); }
  void drained() override { binding::drained(context_, here(), session_, kCarrier); }
  void flooded() override {
    const auto& row = session::info(session::End::rate_limited);
    socket_->close(row.close_code, row.name);
  }
  void closed() override { binding::detach(context_, here(), session_, number_); }

 private:
  base::ShardIndex here() { return socket_->shard().index(); }

  binding::Context& context_;
  const Protocol& protocol_;
  const Entrance entrance_;
  std::unique_ptr<binding::Located> located_;  // until it is attached
  const session::SessionId session_;
  websocket::Connection* socket_ = nullptr;
  std::optional<Port> port_;
  const std::uint64_t number_ = binding::next_connection();
};

void Receiver::opened(websocket::Connection& socket) {
  socket_ = &socket;
  port_ = socket.port(session_.shard != here());
  binding::at_session(
      context_, here(), session_,
      [located = std::move(*std::exchange(located_, nullptr)), port = *port_,
       number = number_](session::Hub& hub) {
        session::Inputs inputs;
        inputs.carrier = kCarrier;
        const auto result = binding::attach_stream(
            hub, {.located = located,
                  .inputs = std::move(inputs),
                  .connection = number,
                  .heartbeat = hub.settings().heartbeat,
                  .make =
                      [&hub](const session::Session&) {
                        return std::make_unique<session::StreamCarrier>(
                            session::StreamOptions{.heartbeat = hub.settings().heartbeat,
                                                   .patience = 1,
                                                   .max_age = {},
                                                   .max_bytes = 0});
                      },
                  .accept = [&port](const binding::Welcomed&) -> std::unique_ptr<SocketSink> {
                    return std::make_unique<SocketSink>(port);
                  }});
        if (const auto* error = std::get_if<Error>(&result)) close(port, *error);
        if (const auto* ended = std::get_if<session::End>(&result)) close(port, *ended);
      },
      [port = *port_] { port.abort(); });
}

void Receiver::message(Frame::Kind kind, std::string_view bytes) {
  std::vector<dialects::Message> messages;
  protocol_.decode(entrance_,
                   {kind == Frame::Kind::binary ? Payload::Kind::binary : Payload::Kind::text,
                    std::string(bytes)},
                   messages);
  if (messages.empty()) return socket_->count_noise();
  const auto size = bytes.size();
  socket_->passed_on(size);
  binding::at_session(
      context_, here(), session_,
      [id = session_, messages = std::move(messages), port = *port_, size,
       paced = protocol_.is_paced()](session::Hub& hub) mutable {
        auto* const session = hub.find(id.serial);
        port.message_taken(size);
        if (session == nullptr) return;  // its carrier was told why
        session::Inputs inputs;
        inputs.carrier = kCarrier;
        inputs.messages = std::move(messages);
        inputs.paced = paced;
        const auto error = session->process(std::move(inputs));
        if (!error) {
          if (paced && !session->takes_more()) port.pause_reading();
          return;
        }
        // The dialect has no word for it, and frames cannot be taken back: a client must not
        // believe that it was heard.
        if (error->code == ErrorCode::rate_limited) return close(port, session::End::rate_limited);
        close(port, *error);
      },
      [port = *port_] { port.abort(); });
}

}  // namespace

void handle_websocket(binding::Context& context, const Protocol& protocol,
                      const websocket::Options& options, server::Exchange& exchange,
                      const Query& query) {
  const auto& request = exchange.request();
  auto handshake = websocket::shake_hands(request, websocket::offered_subprotocol(request));
  if (!handshake.upgrade) return exchange.respond(std::move(handshake.response));
  const auto here = exchange.id().shard;
  auto located =
      binding::locate_to_open(context,
                              contents_of(protocol, query.entrance, session::make_key(),
                                          exchange.client_address(), dialects::plain::kSocket),
                              here, context.shared.hubs[here]->now());
  if (const auto* error = std::get_if<Error>(&located))
    return exchange.respond(binding::refusal(*error));
  exchange.upgrade(
      std::move(handshake.response),
      std::make_unique<websocket::Connection>(
          options, std::make_unique<Receiver>(context, protocol, query.entrance,
                                              std::get<binding::Located>(std::move(located)))));
}

}  // namespace sigway::plain
