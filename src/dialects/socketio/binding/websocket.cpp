#include "socketio_binding/websocket.h"

#include <memory>
#include <string>
#include <utility>
#include <websocketpp/close.hpp>

#include "base/reserve.h"
#include "binding/answers.h"
#include "binding/reach.h"
#include "websocket/handshake.h"

namespace sigway::dialects::socketio {
namespace {

/// A WebSocket of an engine, which may live on another shard.
class Receiver final : public websocket::Receiver {
 public:
  /// `made`: a new engine, which opens by this WebSocket; none: it is to take over from polls.
  Receiver(Service& service, EngineId engine, std::shared_ptr<EngineIo> made)
      : service_(service), engine_(engine), made_(std::move(made)) {}

  void opened(websocket::Connection& socket) override {
    socket_ = &socket;
    port_ = socket.port(engine_.shard != here());
    if (const auto made = std::exchange(made_, nullptr))
      return made->open_by_socket(number_, *port_);
    service_.at(
        here(), engine_,
        [number = number_, port = *port_](Engine& engine) { engine.socket_opened(number, port); },
        [port = *port_] { port.close(kGone, "the session has ended"); });
  }

  void message(Frame::Kind kind, std::string_view bytes) override {
    if (engine_.shard == here()) {
      return service_.at(
          here(), engine_, [&](Engine& engine) { engine.socket_message(number_, kind, bytes); },
          [this] { port_->close(kGone, "the session has ended"); });
    }
    socket_->passed_on(bytes.size());
    service_.at(
        here(), engine_,
        [number = number_, kind, port = *port_, bytes = std::string(bytes)](Engine& engine) {
          port.message_taken(bytes.size());
          engine.socket_message(number, kind, bytes);
        },
        [port = *port_, size = bytes.size()] {
          port.message_taken(size);
          port.close(kGone, "the session has ended");
        });
  }

  void pong(std::string_view /*payload*/) override {
    service_.at(here(), engine_, [](Engine& engine) { engine.socket_pong(); });
  }
  void drained() override {
    service_.at(here(), engine_, [](Engine& engine) { engine.socket_drained(); });
  }
  void peer_closes(std::uint16_t code) override {
    has_left_ = code == websocketpp::close::status::going_away;
  }
  void flooded() override {
    const auto& row = session::info(session::End::rate_limited);
    socket_->close(row.close_code, row.name);
  }
  void closed() override {
    base::try_from_reserve([&] {
      service_.at(here(), engine_, [number = number_, left = has_left_](Engine& engine) {
        engine.socket_closed(number, left);
      });
    });
  }

 private:
  static constexpr std::uint16_t kGone = 1000;
  base::ShardIndex here() { return socket_->shard().index(); }

  Service& service_;
  const EngineId engine_;
  std::shared_ptr<EngineIo> made_;  // until it is open
  websocket::Connection* socket_ = nullptr;
  std::optional<websocket::Port> port_;
  const std::uint64_t number_ = binding::next_connection();
  bool has_left_ = false;
};

}  // namespace

void open_socket(Service& service, server::Exchange& exchange, std::optional<EngineId> engine,
                 const Handshake& handshake) {
  const auto& request = exchange.request();
  auto shaken = websocket::shake_hands(request, websocket::offered_subprotocol(request));
  if (!shaken.upgrade) return exchange.respond(std::move(shaken.response));
  std::shared_ptr<EngineIo> made;
  if (!engine) {
    const auto opened = service.open(
        exchange.id().shard, {exchange.client_address(), request.parameters()},
        [&](const EngineSeat& seat) { return made = service.make_engine(seat, handshake); });
    if (const auto* error = std::get_if<Error>(&opened))
      return exchange.respond(binding::refusal(*error));
    engine = made->id();
  }
  exchange.upgrade(std::move(shaken.response),
                   std::make_unique<websocket::Connection>(
                       service.options().websocket,
                       std::make_unique<Receiver>(service, *engine, std::move(made))));
}

}  // namespace sigway::dialects::socketio
