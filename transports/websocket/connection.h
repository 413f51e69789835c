#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/rate_gate.h"
#include "base/timer_wheel.h"
#include "entry/entry.h"
#include "net/connection.h"
#include "websocket/frame_reader.h"
#include "websocket/port.h"

namespace sigway::websocket {

struct Options {
  base::Duration attach_timeout =
      std::chrono::seconds(10);  ///< until the first frame with open or resume
  base::Duration close_timeout = std::chrono::seconds(3);  ///< for the peer's close frame
};

/// A connection that has become a WebSocket: frames to requests, and the close handshake. What
/// comes down is written by the session's sink, which may live on another shard. docs/protocol.md,
/// "WebSocket"; RFC 6455. Thread: the connection's shard. Lifetime: owned by the net::Connection.
class Connection final : public net::ConnectionHandler {
 public:
  /// `persons` is the request that the URL's query made, to be run at once.
  Connection(entry::Context& context, const Options& options, std::string address,
             std::optional<dialects::native::Request> persons);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_attached(net::Connection& connection) override;
  void on_data(net::Connection& connection, std::span<std::uint8_t> bytes) override;
  void on_eof(net::Connection& connection) override;
  void on_drained(net::Connection& connection) override;
  void on_closed(net::Connection& connection, net::CloseReason reason) override;

  // Written from the session, by way of `Port`.
  void send_text(const base::Bytes& text);
  void ping();
  /// The session wants to hear when the queue is empty.
  void starve() noexcept { starved_ = true; }
  /// Counts a frame that carries no message and yet costs work: a ping, a pong, a refused frame, a
  /// fragment without payload. Too many a second end the connection, as too many messages do.
  void count_noise();
  /// The session, on another shard, has taken frames: reading goes on.
  void go_on() { connection_->resume_reading(); }
  /// Sends a close frame and waits for the peer's.
  void close(std::uint16_t code, std::string_view reason);

 private:
  void on_message(const MessagePtr& message);
  void on_control(const MessagePtr& message);
  void on_text(std::string_view text);
  void attach(dialects::native::Request request);
  void pass_on(dialects::native::Request request, std::size_t bytes);
  bool is_stalled();
  /// Refuses what has come; without a session there is nothing to go on with.
  void refuse(const dialects::Error& error);
  void fail(const FrameFault& fault);
  void on_timer();
  void on_timeout();

  entry::Context& context_;
  const Options& options_;
  std::string address_;
  std::optional<dialects::native::Request> persons_;
  FrameReader frames_;
  net::Connection* connection_ = nullptr;
  base::Timer timer_;
  base::RateGate noise_;
  std::shared_ptr<Flow> flow_;  // where the session lives on another shard
  session::SessionId session_;
  std::string carrier_;
  std::uint64_t number_ = 0;  // of this connection, toward the session
  bool closing_ = false;
  bool starved_ = false;
};

}  // namespace sigway::websocket
