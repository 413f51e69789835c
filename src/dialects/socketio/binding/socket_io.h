#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/assembly.h"
#include "socketio/socket_packet.h"
#include "socketio_binding/engine_io.h"

namespace sigway::dialects::socketio {

/// Socket.IO 1.x to 4.x on Engine.IO. docs/dialects/socketio.md is the norm here;
/// github.com/socketio/socket.io-protocol.
class SocketIo : public EngineIo {
 public:
  SocketIo(Service& service, const EngineSeat& seat, const Handshake& handshake);

 private:
  Revision revision() const noexcept { return is_eio4() ? Revision::r5 : Revision::r4; }
  void take_socket_packet(const SocketPacket& packet);
  void take_event(const SocketPacket& packet, std::span<const std::string> attachments);
  void connect_space(const SocketPacket& packet);

  void opened() override;
  void message(const EnginePacket& packet) override;
  void append_event(std::vector<Packet>& out, const Space& space, std::string_view json,
                    std::span<const std::string_view> attachments,
                    std::optional<std::uint64_t> offset) const override;
  Packet connected_packet(const Space& space, std::string_view peer) const override;
  Packet refused_packet(std::string_view space, std::string_view message,
                        std::string_view code) const override;
  Packet disconnected_packet(std::string_view space) const override;

  const bool is_recoverable_;
  Assembly assembly_;
  base::MemoryShare assembled_;
};

}  // namespace sigway::dialects::socketio
