#pragma once

#include <memory>

#include "socketio/application.h"
#include "socketio_binding/service.h"

/// The applications that the public test suites of Engine.IO and Socket.IO ask for.
namespace sigway::testing {

/// Socket.IO (socket.io-protocol, `test-suite/`). In the namespaces "/" and "/custom": a client
/// that connects hears `auth` with what it sent along; `message` comes back as `message-back`, and
/// `message-with-ack` in its acknowledgement, with their arguments and attachments.
class EchoApplication final : public dialects::socketio::Application {
 public:
  const dialects::Dialect& dialect() const noexcept override;
  bool has_space(std::string_view space) const noexcept override;
  std::unique_ptr<dialects::socketio::Socket> connect(
      const dialects::socketio::Connect& connect) const override;
};

/// Engine.IO without Socket.IO (engine.io-protocol, `test-suite/`): each message comes back.
class EchoService final : public dialects::socketio::Service {
 public:
  using Service::Service;
  std::shared_ptr<dialects::socketio::EngineIo> make_engine(
      const dialects::socketio::EngineSeat& seat,
      const dialects::socketio::Handshake& handshake) override;
};

}  // namespace sigway::testing
