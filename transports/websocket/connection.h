#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/rate_gate.h"
#include "base/timer_wheel.h"
#include "dialects/payload.h"
#include "net/connection.h"
#include "websocket/frame_reader.h"
#include "websocket/port.h"

namespace sigway::websocket {

class Connection;

/// What a dialect does with a WebSocket. Thread: the connection's shard. Lifetime: owned by the
/// connection, from before `opened` until after `closed`.
class Receiver {
 public:
  virtual ~Receiver() = default;

  /// The handshake is over. `socket` stays as long as the receiver.
  virtual void opened(Connection& socket) = 0;
  /// One whole message; a text is UTF-8. Never after the connection has begun to close.
  virtual void message(dialects::Frame::Kind kind, std::string_view bytes) = 0;
  /// The payload is that of a ping (RFC 6455 §5.5.3), or any if nobody has asked for it.
  virtual void pong(std::string_view /*payload*/) {}
  /// The peer closes, with that code; 1005 if it gave none (RFC 6455 §7.4). `closed` follows.
  virtual void peer_closes(std::uint16_t /*code*/) {}
  /// The queue is empty, after `Port::room` said 0 or `Port::unsent` another number.
  virtual void drained() {}
  /// Nothing came of what `Connection::expect_within` waits for: it should close.
  virtual void timed_out() {}
  /// More came than `Options::noise` allows of what carries no message: it must close.
  virtual void flooded() = 0;
  /// The connection is gone. Not called if it was never opened.
  virtual void closed() {}
};

struct Options {
  std::size_t max_message = 256U << 10U;                   ///< bytes; beyond it: close code 1009
  base::RateLimit noise = {};                              ///< of what carries no message
  base::Duration close_timeout = std::chrono::seconds(3);  ///< for the peer's close frame
};

/// A connection that has become a WebSocket: frames to messages, pings answered, the close
/// handshake. RFC 6455. What goes out is written here, or from any shard by way of a `Port`.
/// Thread: the connection's shard. Lifetime: owned by the net::Connection.
class Connection final : public net::ConnectionHandler {
 public:
  Connection(const Options& options, std::unique_ptr<Receiver> receiver);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_attached(net::Connection& connection) override;
  void on_data(net::Connection& connection, std::span<std::uint8_t> bytes) override;
  void on_eof(net::Connection& connection) override;
  void on_drained(net::Connection& connection) override;
  /// Closes with 1001: the receiver has not closed by itself.
  void on_stop(net::Connection& connection) override;
  void on_closed(net::Connection& connection, net::CloseReason reason) override;

  net::Shard& shard() noexcept { return connection_->shard(); }

  /// The way here for a session, which lives on another shard if it is `elsewhere`. One at a time.
  Port port(bool elsewhere);
  /// A message of that size is on its way to the session; `Port::message_taken` follows. Too much
  /// on its way to another shard stops the reading.
  void passed_on(std::size_t bytes);

  /// `Receiver::timed_out` is called unless `expect_nothing` comes first.
  void expect_within(base::Duration time);
  void expect_nothing() { timer_.cancel(); }

  // After `close` these do nothing.
  void send(dialects::Frame::Kind kind, base::Bytes bytes);
  void ping(std::string_view payload = {});
  /// Counts what carries no message and yet costs work: a ping, a pong, a fragment without payload,
  /// and what the receiver refuses.
  void count_noise();
  /// Sends a close frame and waits for the peer's. Code 1005: the frame has no code (RFC 6455
  /// §7.4).
  void close(std::uint16_t code, std::string_view reason);
  /// The peer breaks the protocol: sends a close frame and reads nothing more.
  void fail(std::uint16_t code, std::string_view reason);
  bool is_closing() const noexcept { return closing_; }

 private:
  friend class Port;

  void starve() noexcept { starved_ = true; }
  void go_on() { connection_->resume_reading(); }
  void pause_reading();
  void resume_reading();

  void on_message(const Message& message);
  void on_control(const Message& message);
  bool is_stalled();
  void on_timer();

  const Options& options_;
  std::unique_ptr<Receiver> receiver_;
  FrameReader frames_;
  net::Connection* connection_ = nullptr;
  base::Timer timer_;
  base::RateGate noise_;
  std::shared_ptr<Flow> flow_;  // where the session lives on another shard
  bool closing_ = false;
  bool starved_ = false;
  bool paused_ = false;  // until `resume_reading`
};

}  // namespace sigway::websocket
