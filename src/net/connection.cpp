// The life and the input of a connection. Its output is in connection_output.cpp.
#include "net/connection.h"

#include <sys/socket.h>

#include <utility>

#include "net/connection_limits.h"
#include "net/shard.h"

namespace sigway::net {

namespace {

// One connection may not keep the others waiting: after so many full buffers, or so many requests
// and frames, it is their turn.
constexpr int kReadsPerTurn = 4;
constexpr std::uint8_t kSharePerTurn = 8;

}  // namespace

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::peer_closed: return "peer_closed";
    case CloseReason::peer_reset: return "peer_reset";
    case CloseReason::handshake_failed: return "handshake_failed";
    case CloseReason::handshake_timeout: return "handshake_timeout";
    case CloseReason::write_timeout: return "write_timeout";
    case CloseReason::local: return "local";
    case CloseReason::idle_reclaimed: return "idle_reclaimed";
    case CloseReason::memory: return "memory";
    case CloseReason::shutdown: return "shutdown";
  }
  return "unknown";
}

// What a connection holds for its client. Most hold nothing at most times, and have none of this.
struct Connection::Held final : base::MemoryHolder {
  explicit Held(Connection& of) : MemoryHolder(of.shard_.ledger()), connection(of) {}
  void give_up_memory() override { connection.abort(CloseReason::memory); }
  base::AddressKey memory_owner() const noexcept override { return connection.memory_owner(); }

  Connection& connection;
  std::size_t of_handler = 0;
  base::MemoryShare input{*this, base::MemoryPart::input};
  base::MemoryShare output{*this, base::MemoryPart::output};
};

void ConnectionHandler::on_eof(Connection& connection) { connection.close_after_flush(); }

Connection::Connection(Shard& shard, ConnectionId id, std::unique_ptr<Stream> stream,
                       std::shared_ptr<const PortInfo> port,
                       std::unique_ptr<ConnectionPermit> permit, const Address& peer)
    : shard_(shard),
      id_(id),
      stream_(std::move(stream)),
      port_(std::move(port)),
      permit_(std::move(permit)),
      peer_(peer) {}

Connection::~Connection() {
  if (is_idle_) shard_.unlink_idle(*this);
}

void Connection::start(std::unique_ptr<ConnectionHandler> handler) {
  handler_ = std::move(handler);
  if (stream_->is_tls()) {
    shard_.schedule_in(deadline_, port_->connections.handshake_timeout);
  } else {
    state_ = State::open;
  }
  watch_.start(shard_.poller(), stream_->descriptor(), Trigger::edge);
  handler_->on_attached(*this);
}

void Connection::replace_handler(std::unique_ptr<ConnectionHandler> handler, std::string unread) {
  if (!is_open()) return;
  set_idle(false);
  shard_.retired_.emplace_back();  // may fail, and must not take the old handler with it
  shard_.retired_.back() = std::exchange(handler_, std::move(handler));
  if (!unread.empty()) {
    if (unread_) {
      unread_->insert(0, unread);
    } else {
      unread_ = std::make_unique<std::string>(std::move(unread));
    }
  }
  handler_->on_attached(*this);
  // From within on_data the bytes are handed over as soon as that returns; this is for elsewhere.
  if (unread_) {
    shard_.at_end_of_turn([&shard = shard_, id = id_] {
      shard.run_for(id, [](Connection& connection) {
        connection.deliver_unread();
        if (connection.unread_ && connection.is_open()) connection.continue_later();
      });
    });
  }
}

void Connection::set_idle(bool idle) {
  if (idle == is_idle_ || (idle && !is_open())) return;
  is_idle_ = idle;
  if (idle) {
    shard_.link_idle(*this);
  } else {
    shard_.unlink_idle(*this);
  }
}

bool Connection::has_unread_input() const {
  if (unread_ || stream_->has_buffered_input()) return true;
  char byte = 0;
  return ::recv(stream_->descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool Connection::is_reclaimable() const {
  return is_idle_ && queued_bytes_ == 0 && !has_unread_input();
}

void Connection::abort(CloseReason reason) {
  if (state_ == State::closed) return;
  state_ = State::closed;
  close_reason_ = reason;
  deadline_.cancel();
  set_idle(false);
  watch_.stop();
  permit_.reset();  // a connection that is accepted in this same turn may have the place
  // Memory that is given up must be free at once.
  queue_ = {};
  unread_.reset();
  queued_bytes_ = counted_bytes_ = 0;
  shard_.bury(*this);
  held_.reset();  // may be the caller; nothing of this object is touched afterwards
}

void Connection::finish_close() { handler_->on_closed(*this, close_reason_); }

void Connection::on_ready(Ready ready) {
  shard_.guard(*this, [&] {
    begin_turn();
    if (ready.readable) {
      is_input_empty_ = false;
      reads_until_empty_ = reads_until_empty_ || ready.beyond_bytes;
    }
    if (ready.writable && waiting_writable_) on_writable();
    if (ready.readable && !is_input_empty_) on_readable();
  });
}

void Connection::on_readable() {
  if (write_wants_read_) continue_write();
  switch (state_) {
    case State::handshaking: return continue_handshake();
    case State::open:
      if (!reading_paused_) read_some();
      return;
    case State::lingering: return swallow_input();
    case State::flushing:
    case State::closed: return;
  }
}

void Connection::wait_writable() {
  if (waiting_writable_) return;
  waiting_writable_ = true;
  watch_.add_writing();
}

void Connection::on_writable() {
  waiting_writable_ = false;
  if (state_ == State::handshaking) return continue_handshake();
  if (queued_bytes_ > 0) write_queue();
  if (read_wants_write_ && state_ == State::open) {
    read_wants_write_ = false;
    if (!reading_paused_) read_some();
  }
}

// A write of TLS that had to read first.
void Connection::continue_write() {
  write_wants_read_ = false;
  write_queue();
}

void Connection::continue_handshake() {
  const IoResult result = stream_->handshake();
  if (result.failed() || result.eof) {
    if (stream_->spoke_plain_http() && !port_->connections.plain_http_answer.empty()) {
      // The one thing such a client understands. Best effort: the socket is fresh and takes it.
      const std::string& answer = port_->connections.plain_http_answer;
      (void)!::send(stream_->descriptor(), answer.data(), answer.size(), MSG_NOSIGNAL);
      close_reason_ = CloseReason::handshake_failed;
      return begin_linger();
    }
    return abort(CloseReason::handshake_failed);
  }
  if (result.want_write) return wait_writable();
  if (result.want_read) {
    is_input_empty_ = !result.is_cut;
    if (result.is_cut) go_on_next_turn();
    return;
  }
  deadline_.cancel();
  state_ = State::open;
  if (queued_bytes_ > 0) request_flush();
  // The first request may have come along with the end of the handshake.
  if (!reading_paused_) read_some();
}

void Connection::read_some() {
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    deliver_unread();
    if (state_ != State::open || reading_paused_) return;
    if (unread_ || !has_share()) return continue_later();
    const std::span<std::uint8_t> scratch = shard_.scratch();
    const IoResult result = stream_->try_read(scratch);
    is_input_empty_ = empties_input(result, scratch.size());
    if (result.bytes > 0) deliver(scratch.first(result.bytes));
    if (state_ != State::open) return;
    if (result.failed() || result.says_nothing()) return abort(CloseReason::peer_reset);
    // What was left comes first, and after a pause the end of the stream is read again.
    if (reading_paused_) return;
    if (unread_) return continue_later();
    if (result.eof) return has_had_data_ ? hear_end_later() : handle_eof();
    if (result.want_write) {
      read_wants_write_ = true;
      return wait_writable();
    }
    if (is_input_empty_) return;
    if (result.is_cut) break;
  }
  continue_later();
}

// Whether the socket has said with this read that it has no more: whatever comes from then on is an
// event of its own.
bool Connection::empties_input(const IoResult& result, std::size_t asked) {
  if (result.want_read) {
    if (result.is_cut) return false;
    reads_until_empty_ = false;
    return true;
  }
  // A short read from a plain socket says it, too. TLS returns records.
  return !result.want_write && !result.eof && !result.failed() && !stream_->is_tls() &&
         !reads_until_empty_ && result.bytes < asked;
}

// Reads on in the next turn, after the other connections have had their share. While the queue is
// full nothing is scheduled: `write_queue` calls this again when the queue is empty.
void Connection::continue_later() {
  count_held();
  if (!is_output_full()) go_on_next_turn();
}

void Connection::go_on_next_turn() {
  if (waits_for_turn_) return;
  shard_.next_turn_.push_back(id_);
  waits_for_turn_ = true;  // after what may fail
}

void Connection::on_turn() {
  waits_for_turn_ = false;
  begin_turn();
  if (state_ == State::handshaking) return continue_handshake();
  if (write_wants_read_) continue_write();
  deliver_unread();
  if (state_ != State::open || reading_paused_) return;
  if (unread_) return continue_later();
  if (!is_input_empty_ && !peer_finished_) read_some();
}

// Once a turn, however often the connection is looked at in it.
void Connection::begin_turn() {
  if (std::exchange(share_turn_, shard_.turn_) == shard_.turn_) return;
  share_ = kSharePerTurn;
  has_had_data_ = false;
  stream_->begin_turn(shard_.now());
}

bool Connection::take_share() {
  if (!has_share()) return false;
  --share_;
  return true;
}

void Connection::leave_unread(std::span<const std::uint8_t> rest) {
  if (rest.empty() || !is_open()) return;
  const auto* text = reinterpret_cast<const char*>(rest.data());
  if (unread_) {
    unread_->insert(0, text, rest.size());
  } else {
    unread_ = std::make_unique<std::string>(text, rest.size());
  }
  continue_later();
}

bool Connection::is_shared() const { return permit_ && !permit_->client(); }

base::AddressKey Connection::memory_owner() const noexcept {
  const auto client = permit_ && permit_->client() ? permit_->client() : client_;
  return client ? client : base::AddressKey{id_};  // without a client it stands for itself
}

void Connection::hold_input(std::size_t bytes) {
  if (bytes == 0 && !held_) return;
  if (state_ == State::closed) return;
  if (!held_) held_ = std::make_unique<Held>(*this);
  held_->of_handler = bytes;
  count_held();
}

void Connection::count_held() {
  if (state_ == State::closed) return;
  const std::size_t unread = unread_ ? unread_->size() : 0;
  const std::size_t output =
      queue_head_ == queue_.size() ? 0 : counted_bytes_ + queue_.capacity() * sizeof(base::Bytes);
  if (!held_) {
    if (unread + output == 0) return;
    held_ = std::make_unique<Held>(*this);
  }
  held_->input.set(held_->of_handler + unread);
  held_->output.set(output);
  if (held_->burden() == 0) held_.reset();
}

void Connection::deliver(std::span<std::uint8_t> bytes) {
  has_had_data_ = true;
  handler_->on_data(*this, bytes);
  deliver_unread();
}

void Connection::deliver_unread() {
  while (unread_ && state_ == State::open && !reading_paused_ && has_share()) {
    const std::unique_ptr<std::string> bytes = std::move(unread_);
    has_had_data_ = true;
    handler_->on_data(*this, {reinterpret_cast<std::uint8_t*>(bytes->data()), bytes->size()});
  }
  if (held_) count_held();
}

// A client may finish right behind its request (`nc -N`), and the handler may answer by a function
// that it has posted. The end would overtake the answer, so it is posted, too. Until then the input
// counts as empty: nothing else reads it.
void Connection::hear_end_later() {
  shard_.post([&shard = shard_, id = id_] {
    shard.run_for(id, [](Connection& connection) {
      connection.begin_turn();
      connection.is_input_empty_ = false;
      const bool may_hear = connection.state_ == State::open && !connection.reading_paused_;
      if (may_hear && !connection.unread_) return connection.handle_eof();
      connection.on_readable();
    });
  });
  is_input_empty_ = true;  // after what may fail
}

void Connection::handle_eof() {
  if (peer_finished_) return;
  peer_finished_ = true;
  handler_->on_eof(*this);
}

void Connection::pause_reading() { reading_paused_ = true; }

void Connection::resume_reading() {
  if (!reading_paused_) return;
  reading_paused_ = false;
  if (state_ != State::open || (peer_finished_ && !unread_)) return;
  // Not now: the caller may be in the middle of on_data.
  continue_later();
}

}  // namespace sigway::net
