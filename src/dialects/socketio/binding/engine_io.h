#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/engine_packet.h"
#include "socketio/engine_payload.h"
#include "socketio_binding/engine.h"

namespace sigway::dialects::socketio {

/// What a client's first request says about it.
struct Handshake {
  EngineVersion version = EngineVersion::eio4;
  bool only_text = false;            ///< `b64=1`
  std::optional<std::string> jsonp;  ///< `j`: the index of the callback
};

/// Engine.IO 3 and 4: transports, their upgrade, and signs of life. What a message means is up to
/// the protocol on it. docs/dialects/socketio.md is the norm here;
/// github.com/socketio/engine.io-protocol.
class EngineIo : public Engine {
 public:
  /// What opens the engine: the answer to its first poll, or the first frames of its WebSocket.
  http::Response open_by_poll();
  void open_by_socket(std::uint64_t number, const websocket::Port& port);

  void socket_opened(std::uint64_t number, const websocket::Port& port) override;
  void socket_message(std::uint64_t number, Frame::Kind kind, std::string_view bytes) override;
  void socket_closed(std::uint64_t number, bool left) override;
  void probe() override;

 protected:
  EngineIo(Service& service, const EngineSeat& seat, const Traits& traits, Handshake handshake);

  bool is_eio4() const noexcept { return handshake_.version == EngineVersion::eio4; }
  void fail() { close(Leaving::lost, session::End::left); }

  // -- What the protocol on it does.

  /// The client has its session id.
  virtual void opened() {}
  /// The client's message, text or bytes, is the data of `packet`.
  virtual void message(const EnginePacket& packet) = 0;

 private:
  /// A WebSocket that is to take over from the polls.
  struct Candidate {
    std::uint64_t number;
    websocket::Port port;
  };

  Packet open_packet(bool by_socket);
  void open();
  void on_candidate(std::string_view bytes);
  void drop_candidate();
  /// One packet, whatever it came by.
  void take(const EnginePacket& packet);
  void take_text(std::string_view text);
  PayloadFormat format_of(std::string_view content_type) const noexcept;
  void ping();

  Packet noop_packet() const override { return {"6"}; }
  Packet close_packet() const override { return {"1"}; }
  http::Response answer(std::span<const Packet> packets) const override;
  http::Response overlap() const override;
  http::Response misplaced() const override;
  http::Response take_payload(std::string body, std::string_view content_type) override;
  void end_hold() override;
  void on_close() override { drop_candidate(); }
  bool hurries_polls() const override { return candidate_ && is_probed_; }
  base::TimePoint deadline() const override;
  void on_deadline(base::TimePoint now) override;
  void write(const websocket::Port& port, Packet packet) override;
  void flushed() override;

  const Handshake handshake_;
  std::string sid_;            // until the client has been told
  bool encodes_once_ = false;  // known not to be a client of 1.x, which encodes UTF-8 twice

  std::optional<Candidate> candidate_;
  bool is_probed_ = false;
  base::TimePoint upgrade_by_ = base::TimePoint::max();

  // EIO 4: the server pings. EIO 3: the client does.
  base::TimePoint ping_at_ = base::TimePoint::max();
  base::TimePoint silent_at_ = base::TimePoint::max();
  bool is_pinged_ = false;
  std::size_t unconfirmed_ = 0;  // bytes written to the WebSocket since the last ping
};

/// The answer to a request that Engine.IO has a code for: `{"code":1,"message":"…"}`.
enum class EngineError : std::uint8_t {
  unknown_transport = 0,
  unknown_sid = 1,
  bad_method = 2,
  bad_request = 3,
  unsupported_version = 5,
};
http::Response engine_refusal(EngineError error);

}  // namespace sigway::dialects::socketio
