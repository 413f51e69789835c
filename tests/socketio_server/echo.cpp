#include "socketio_server/echo.h"

#include <string>

#include "socketio_binding/socket_io.h"

namespace sigway::testing {
namespace {

namespace socketio = dialects::socketio;

/// Its clients hear only what the application itself answers.
class EchoDialect final : public dialects::Dialect {
 public:
  std::string_view name() const noexcept override { return "echo"; }
  dialects::EncodedEvent encode(const dialects::Event& /*event*/) const override { return nullptr; }
};

class EchoSocket final : public socketio::Socket {
 public:
  explicit EchoSocket(std::string_view auth) : auth_(auth.empty() ? "{}" : auth) {}

  void connected(socketio::Reaction& reaction) override { reaction.events.event("auth", {auth_}); }

  void emitted(const socketio::Emission& emission, socketio::Reaction& reaction) override {
    if (emission.name == "message") {
      reaction.events.event("message-back", emission.arguments);
    } else if (emission.name == "message-with-ack" && emission.id) {
      reaction.events.ack(*emission.id, emission.arguments);
    } else {
      return;
    }
    for (const auto& bytes : emission.attachments) reaction.events.attachment(bytes);
  }

 private:
  const std::string auth_;  // JSON
};

class EchoEngine final : public socketio::SocketIo {
 public:
  using SocketIo::SocketIo;

 private:
  void message(const socketio::EnginePacket& packet) override {
    if (packet.binary) {
      send({std::string(packet.data), true});
    } else {
      send({"4" + std::string(packet.data)});
    }
  }
};

}  // namespace

const dialects::Dialect& EchoApplication::dialect() const noexcept {
  static const EchoDialect kDialect;
  return kDialect;
}

bool EchoApplication::has_space(std::string_view space) const noexcept {
  return space == "/" || space == "/custom";
}

std::unique_ptr<socketio::Socket> EchoApplication::connect(const socketio::Connect& connect) const {
  return std::make_unique<EchoSocket>(connect.auth);
}

std::shared_ptr<socketio::EngineIo> EchoService::make_engine(const socketio::EngineSeat& seat,
                                                             const socketio::Handshake& handshake) {
  return std::make_shared<EchoEngine>(*this, seat, handshake);
}

}  // namespace sigway::testing
