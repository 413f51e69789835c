#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/timer_wheel.h"
#include "net/address.h"
#include "net/stream.h"

namespace sigway::net {

class Connection;
class ConnectionPermit;
class Shard;

// Names a connection within its shard. Never reused, so an id that outlives its connection finds
// nothing instead of another one. Zero is nobody.
using ConnectionId = std::uint64_t;

enum class CloseReason {
  peer_closed,       // the peer finished sending, and we had nothing left to do
  peer_reset,        // the connection broke
  handshake_failed,  // TLS
  handshake_timeout,
  write_timeout,   // the peer took nothing for too long
  local,           // the handler closed it
  idle_reclaimed,  // an idle connection made room near the descriptor limit
  shutdown,        // the shard stops
};
std::string_view to_string(CloseReason reason);

// Who decides what the bytes of a connection mean: HTTP, then perhaps WebSocket. Called on the
// connection's shard only, never re-entrantly, and never after on_closed. Any of these may call any
// method of the connection, closing and replacing the handler included.
class ConnectionHandler {
 public:
  virtual ~ConnectionHandler() = default;

  // The first call: the handler now owns the conversation.
  virtual void on_attached(Connection&) {}
  // `bytes` is the shard's scratch buffer, valid during the call and free to be overwritten (to
  // unmask in place). Keep only what is incomplete.
  virtual void on_data(Connection&, std::span<std::uint8_t> bytes) = 0;
  // The peer has finished sending; writing may still work. By default the connection is closed once
  // what is queued has gone out.
  virtual void on_eof(Connection&);
  // Everything queued has been handed to the socket.
  virtual void on_drained(Connection&) {}
  // The last call, once, at the end of a turn. Afterwards the handler is destroyed.
  virtual void on_closed(Connection&, CloseReason) {}
};

// Settings of every connection of a listener.
struct ConnectionOptions {
  base::Duration handshake_timeout = std::chrono::seconds(10);
  base::Duration write_timeout = std::chrono::seconds(30);  // without any progress
  base::Duration linger_timeout = std::chrono::seconds(2);
  std::size_t linger_bytes = 1 << 20;  // unread input swallowed at most after our last byte
  // TCP_USER_TIMEOUT: how long sent bytes may stay unacknowledged. Zero leaves the system's.
  std::chrono::milliseconds user_timeout = std::chrono::seconds(60);
  // What a client gets that speaks plain HTTP to a TLS port: raw bytes, then the connection closes.
  std::string plain_http_answer = {};
};

// What the connections of one listening port have in common. Immutable after the start.
struct PortInfo {
  Address local;  // as bound, with the real port
  bool is_tls = false;
  std::string label;  // free for the gateway: the port's default dialect
  ConnectionOptions connections;
};

// One accepted socket. Waits for readiness, reads without blocking into the shard's scratch
// buffer, hands the bytes to its handler; gathers what is written and flushes once at the end of
// the turn. Idle it holds no buffer.
// Thread: its shard's, every method. Others go by Shard::post and Shard::find.
// Lifetime: owned by the shard, destroyed at the end of the turn in which it closed.
class Connection {
 public:
  Connection(Shard& shard, ConnectionId id, std::unique_ptr<Stream> stream,
             std::shared_ptr<const PortInfo> port, std::unique_ptr<ConnectionPermit> permit);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Shard& shard() const { return shard_; }
  ConnectionId id() const { return id_; }
  const Address& peer() const { return peer_; }
  const PortInfo& port() const { return *port_; }
  bool is_tls() const { return stream_->is_tls(); }
  bool is_open() const { return state_ == State::handshaking || state_ == State::open; }
  ConnectionHandler* handler() const { return handler_.get(); }

  // Hands the connection to its next owner (HTTP to WebSocket). `unread` are bytes that the old
  // owner was given and did not consume; they reach the new one's on_data in this same turn. The
  // old handler gets no further call, not even on_closed, and is destroyed at the end of the turn,
  // so it may call this itself.
  void replace_handler(std::unique_ptr<ConnectionHandler> handler, std::string unread = {});

  // Appends to the queue; goes out at the end of the turn. Ignored once closing.
  void write(base::Bytes bytes);
  // Bytes queued and not yet taken by the socket: what backpressure is measured by.
  std::size_t queued_bytes() const { return queued_bytes_; }

  // Stops and restarts on_data. While paused nothing that the peer does is noticed, except by
  // writing.
  void pause_reading();
  void resume_reading();

  // Closes once everything queued has gone out, then says so to the peer and reads away a bounded
  // amount of what it still sends, so that the last answer is not destroyed by a reset. No on_data
  // after this.
  void close_after_flush();
  // Closes now; what is queued is lost.
  void abort(CloseReason reason = CloseReason::local);

  // Marks the connection as one that may be closed to make room (keep-alive between requests).
  void set_idle(bool idle);
  bool is_idle() const { return is_idle_; }
  // Bytes have come that on_data has not seen.
  bool has_unread_input() const;

  // For Listener and Shard.
  void start(std::unique_ptr<ConnectionHandler> handler);

 private:
  friend class Shard;
  struct Waiter;
  enum class State : std::uint8_t { handshaking, open, flushing, lingering, closed };

  // Idle, and neither an answer on its way out nor a request that has come would be lost.
  bool is_reclaimable() const;
  void wait_readable();
  void wait_writable();
  void on_readable(bool failed);
  void on_writable(bool failed);
  void continue_handshake();
  void read_some();
  void swallow_input();
  void deliver(std::span<std::uint8_t> bytes);
  void deliver_unread();
  void handle_eof();
  void request_flush();
  void flush();
  void write_queue();
  void consume(std::size_t bytes);
  void begin_linger();
  void on_deadline();
  void finish_close();

  Shard& shard_;
  const ConnectionId id_;
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Waiter> waiter_;
  std::shared_ptr<const PortInfo> port_;
  std::unique_ptr<ConnectionPermit> permit_;
  std::unique_ptr<ConnectionHandler> handler_;
  Address peer_;

  std::vector<base::Bytes> queue_;  // consumed from queue_head_; freed when empty
  std::size_t queue_head_ = 0;
  std::size_t head_offset_ = 0;  // bytes of the first element already sent
  std::size_t queued_bytes_ = 0;
  std::size_t lingered_bytes_ = 0;
  std::unique_ptr<std::string> unread_;  // travels to the next handler
  base::Timer deadline_ = base::Timer::calling<&Connection::on_deadline>(this);

  // A place in the shard's list of idle connections, oldest first.
  Connection* idle_previous_ = nullptr;
  Connection* idle_next_ = nullptr;

  State state_ = State::handshaking;
  CloseReason close_reason_ = CloseReason::local;
  bool is_idle_ : 1 = false;
  bool reading_paused_ : 1 = false;
  bool waiting_readable_ : 1 = false;
  bool waiting_writable_ : 1 = false;
  bool flush_requested_ : 1 = false;
  bool peer_finished_ : 1 = false;
  bool read_wants_write_ : 1 = false;
  bool write_wants_read_ : 1 = false;
};

}  // namespace sigway::net
