#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/timer_wheel.h"
#include "net/connection.h"
#include "probe/limits.h"
#include "probe/nonces.h"
#include "probe/query.h"
#include "websocket/frame_reader.h"

namespace sigway::probe {

/// A WebSocket that greets, then gives every text frame back; one that is a nonce is counted as
/// one, up to 250 of them. Ends by itself at its bounds (close code 4003): each message, control
/// frame and empty fragment that is read counts against its bytes, as 64 at the least. Thread: the
/// connection's shard. Lifetime: owned by the net::Connection; `nonces` outlives it.
class Socket final : public net::ConnectionHandler {
 public:
  /// `address` is the client's: its nonces are counted in its name.
  Socket(Nonces& nonces, base::AddressKey address, const Bounds& bounds, std::string greeting,
         std::unique_ptr<Limits::Permit> permit);

  void on_attached(net::Connection& connection) override;
  void on_data(net::Connection& connection, std::span<std::uint8_t> bytes) override;
  void on_eof(net::Connection& connection) override { connection.close_after_flush(); }
  void on_stop(net::Connection& connection) override;
  void on_closed(net::Connection&, net::CloseReason) override { timer_.cancel(); }

 private:
  void on_message(const websocket::Message& message);
  /// Takes a frame of that size from the bytes that the probe may cost. False: nothing more is
  /// answered, because they are used up or the socket is closing.
  bool charge(std::size_t size);
  void send_text(std::string_view text);
  void close(std::uint16_t code, std::string_view reason);
  void on_timer();

  Nonces& nonces_;
  const base::AddressKey address_;
  const Bounds bounds_;
  std::string greeting_;
  std::unique_ptr<Limits::Permit> permit_;
  websocket::FrameReader frames_;
  net::Connection* connection_ = nullptr;
  base::Timer timer_ = base::Timer::calling<&Socket::on_timer>(this);
  std::size_t spent_ = 0;
  int nonces_left_ = 250;  // a part of what the address may have; the doctor asks for 16
  bool closing_ = false;
};

}  // namespace sigway::probe
