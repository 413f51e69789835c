#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "socketio/legacy_packet.h"
#include "socketio_binding/engine.h"

namespace sigway::dialects::socketio {

/// Socket.IO 0.9: one protocol in one layer. The client shakes hands, then opens the transport that
/// it likes among those that it was told of. docs/dialects/socketio.md is the norm here;
/// github.com/LearnBoost/socket.io-spec.
class LegacyEngine final : public Engine {
 public:
  LegacyEngine(Service& service, const EngineSeat& seat);

  /// The answer to a handshake: `SID:60:60:websocket,xhr-polling,jsonp-polling`.
  static std::string welcome(const EngineSeat& seat);

  /// The next poll comes as a script, for the callback with that index, or not.
  void use_jsonp(std::optional<std::string> index) { jsonp_ = std::move(index); }

  void socket_opened(std::uint64_t number, const websocket::Port& port) override;
  void socket_message(std::uint64_t number, Frame::Kind kind, std::string_view bytes) override;
  void probe() override;

 private:
  /// The first transport of a client has come.
  void open();
  bool take(std::string_view text);
  void take_event(const LegacyPacket& packet);
  void fail() { close(Leaving::lost, session::End::left); }
  void arm();
  void beat();

  void polled() override { open(); }
  void append_event(std::vector<Packet>& out, const Space& space, std::string_view json,
                    std::span<const std::string_view> attachments,
                    std::optional<std::uint64_t> offset) const override;
  Packet connected_packet(const Space& space, std::string_view peer) const override;
  Packet refused_packet(std::string_view space, std::string_view message,
                        std::string_view code) const override;
  Packet disconnected_packet(std::string_view space) const override;
  Packet noop_packet() const override { return {"8::"}; }
  Packet close_packet() const override { return {"0::"}; }
  http::Response answer(std::span<const Packet> packets) const override;
  http::Response overlap() const override;
  http::Response misplaced() const override { return overlap(); }
  http::Response take_payload(std::string body, std::string_view content_type) override;
  base::TimePoint deadline() const override { return std::min(beat_at_, silent_at_); }
  void on_deadline(base::TimePoint now) override;

  std::optional<std::string> jsonp_;
  bool is_open_ = false;
  base::TimePoint beat_at_ = base::TimePoint::max();
  base::TimePoint silent_at_ = base::TimePoint::max();
};

/// A body as the answer to a request: as it is, or for the callback with that index.
http::Response legacy_answer(std::string body, const std::optional<std::string>& jsonp);

}  // namespace sigway::dialects::socketio
