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
#include "base/memory_budget.h"
#include "base/timer_wheel.h"
#include "net/address.h"
#include "net/poller.h"
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
  write_timeout,   // the peer took too little for too long
  local,           // the handler closed it
  idle_reclaimed,  // an idle connection made room near the descriptor limit
  memory,          // the memory budget was exceeded, or an allocation failed
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
  // unmask in place). Keep only what is incomplete, and declare it by `hold_input`. Ask
  // `take_share` before each request or frame.
  virtual void on_data(Connection&, std::span<std::uint8_t> bytes) = 0;
  // The peer has finished sending; writing may still work. By default the connection is closed once
  // what is queued has gone out.
  virtual void on_eof(Connection&);
  // Everything queued has been handed to the socket.
  virtual void on_drained(Connection&) {}
  // The server is about to stop: the last chance to tell the peer so, and to close.
  virtual void on_stop(Connection&) {}
  // The last call, once, at the end of a turn. Afterwards the handler is destroyed.
  virtual void on_closed(Connection&, CloseReason) {}
};

// Bytes a second, in the mean over a timeout, below which a peer is taken for one that only holds a
// place. The slowest lines that people use carry ten times as much.
inline constexpr std::size_t kLeastRate = 50;

// Whether so many bytes in that time are too few.
constexpr bool is_too_slow(std::size_t bytes, base::Duration time) {
  return std::chrono::duration<double>(time).count() * kLeastRate > static_cast<double>(bytes);
}

// Pauses of the client of a download. Its system may buffer megabytes, and says nothing until the
// client has read a part of them and the server's system has asked again, which it does every two
// minutes at last. So bytes that were acknowledged earn time in which nothing need be, as long as
// a client takes that reads so many bytes a second: half of what the slowest lines carry.
inline constexpr std::size_t kPausingRate = 250;
// The most that is earned, in write timeouts: 10 minutes by default. A client that stops reading is
// closed after so long, instead of after one write timeout. Until then it holds its place and one
// slice of a file, which is counted; under memory pressure it ends like every other holder.
inline constexpr int kMostPause = 20;

// Settings of every connection of a listener.
struct ConnectionOptions {
  base::Duration handshake_timeout = std::chrono::seconds(10);
  // Output that waits for so long while the peer takes less than kLeastRate is given up.
  base::Duration write_timeout = std::chrono::seconds(30);
  // While more than this waits for the socket, nothing is read that would be answered.
  std::size_t output_limit = 256 * 1024;
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
  std::string label;  // the dialect that answers at `/` on this port; empty on the main port
  ConnectionOptions connections;
};

// One accepted socket. It is registered with the shard's poller once, by edge: an event says that
// something has come, and the connection then reads without blocking into the shard's scratch
// buffer, until the socket is empty, and hands the bytes to its handler. It gathers what is written
// and flushes once at the end of the turn. Idle it holds no buffer.
// Thread: its shard's, every method. Others go by Shard::post and Shard::find.
// Lifetime: owned by the shard, destroyed at the end of the turn in which it closed.
class Connection {
 public:
  Connection(Shard& shard, ConnectionId id, std::unique_ptr<Stream> stream,
             std::shared_ptr<const PortInfo> port, std::unique_ptr<ConnectionPermit> permit,
             const Address& peer);
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

  // Whether the queue is long enough: the handler takes nothing more that it would have to answer.
  bool is_output_full() const { return queued_bytes_ >= port_->connections.output_limit; }

  // Takes one unit, for a request or a frame, of this connection's share of the turn. False: the
  // share is used up, or the output is full. The handler then gives back what it has not read by
  // `leave_unread` and returns; the bytes come again in a turn in which there is a share.
  bool take_share();
  void leave_unread(std::span<const std::uint8_t> rest);

  // Many clients may share it: it comes from a trusted proxy.
  bool is_shared() const;
  // Whose request a shared connection carries now; nobody's if that is not known.
  void set_client(base::AddressKey client) { client_ = client; }
  // Whose bytes those are that are held for this connection.
  base::AddressKey memory_owner() const noexcept;
  // How many bytes the handler keeps of what it was given: counted in the memory budget.
  void hold_input(std::size_t bytes);

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

  // Lets the peer pause for time that it has earned (kPausingRate), from now on or no longer: for
  // a download, which people throttle. The system's own timeout for bytes that wait in its buffers
  // (TCP_USER_TIMEOUT) is then as long as the longest pause.
  void allow_pauses(bool allow);

  // Marks the connection as one that may be closed to make room (keep-alive between requests).
  void set_idle(bool idle);
  bool is_idle() const { return is_idle_; }
  // The handler has left bytes for a later turn.
  bool has_left_unread() const { return unread_ != nullptr; }
  // Bytes have come that on_data has not seen.
  bool has_unread_input() const;

  // For Listener and Shard.
  void start(std::unique_ptr<ConnectionHandler> handler);

 private:
  friend class Shard;
  struct Held;
  // What a peer that may pause has earned and not used.
  struct Pauses {
    std::uint64_t counted = 0;  // acknowledged bytes that have earned time
    base::Duration left{};
  };
  enum class State : std::uint8_t { handshaking, open, flushing, lingering, closed };

  // Idle, and neither an answer on its way out nor a request that has come would be lost.
  bool is_reclaimable() const;
  void on_ready(Ready ready);
  void on_readable();
  void on_writable();
  void wait_writable();
  void continue_handshake();
  void continue_write();
  void read_some();
  bool empties_input(const IoResult& result, std::size_t asked);
  void swallow_input();
  void deliver(std::span<std::uint8_t> bytes);
  void deliver_unread();
  bool has_share() const { return share_ != 0 && !is_output_full(); }
  void begin_turn();
  void continue_later();
  void go_on_next_turn();
  void on_turn();
  void count_held();
  void hear_end_later();
  void handle_eof();
  void request_flush();
  void flush();
  void write_queue();
  void consume(std::size_t bytes);
  void begin_write_timeout();
  void watch(bool watched);
  void set_user_timeout();
  bool is_output_stuck();
  bool may_pause_on(std::uint64_t acknowledged);
  base::Duration longest_pause() const { return kMostPause * port_->connections.write_timeout; }
  void begin_linger();
  void on_deadline();
  void finish_close();

  Shard& shard_;
  const ConnectionId id_;
  std::unique_ptr<Stream> stream_;
  std::shared_ptr<const PortInfo> port_;
  std::unique_ptr<ConnectionPermit> permit_;
  std::unique_ptr<ConnectionHandler> handler_;
  const Address peer_;
  Watch watch_ = Watch::calling<&Connection::on_ready>(this);

  std::vector<base::Bytes> queue_;  // consumed from queue_head_; freed when empty
  std::size_t queue_head_ = 0;
  std::size_t head_offset_ = 0;  // bytes of the first element already sent
  std::size_t queued_bytes_ = 0;
  std::size_t counted_bytes_ = 0;  // of the queue, less what its owner counts
  std::size_t lingered_bytes_ = 0;
  std::uint64_t acknowledged_mark_ = 0;  // when the write timeout began
  std::size_t unacknowledged_mark_ = 0;
  // What waits for a share of a turn, or travels to the next handler; read before the socket.
  std::unique_ptr<std::string> unread_;
  base::AddressKey client_;         // of the request, where many share the connection
  std::unique_ptr<Held> held_;      // the account, while anything is held
  std::unique_ptr<Pauses> pauses_;  // while they are allowed
  base::Timer deadline_ = base::Timer::calling<&Connection::on_deadline>(this);

  // A place in the shard's list of idle connections, oldest first.
  Connection* idle_previous_ = nullptr;
  Connection* idle_next_ = nullptr;

  State state_ = State::handshaking;
  CloseReason close_reason_ = CloseReason::local;
  std::uint8_t share_ = 0;        // units left in this turn
  std::uint32_t share_turn_ = 0;  // the turn that it is for
  bool is_idle_ : 1 = false;
  bool reading_paused_ : 1 = false;
  // The socket has no input, or an event is on its way that says that it has. Else it is read
  // before anything is waited for: no other event would come.
  bool is_input_empty_ : 1 = true;
  // A short read does not empty the input (Ready::beyond_bytes).
  bool reads_until_empty_ : 1 = false;
  bool waiting_writable_ : 1 = false;
  bool flush_requested_ : 1 = false;
  bool has_had_data_ : 1 = false;  // in this turn
  bool peer_finished_ : 1 = false;
  bool is_watched_ : 1 = false;  // by the write timeout, and not by the system
  bool read_wants_write_ : 1 = false;
  bool write_wants_read_ : 1 = false;  // and goes on with the next input, or in the next turn
  bool waits_for_turn_ : 1 = false;    // in the shard's list of those that go on in the next turn
  bool moved_output_ : 1 = false;      // since the write timeout began
};

}  // namespace sigway::net
