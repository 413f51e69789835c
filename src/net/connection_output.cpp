// The output of a connection: the queue, the flush at the end of the turn, the ways to close.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "net/connection.h"
#include "net/shard.h"

namespace sigway::net {

namespace {

constexpr std::size_t kPartsPerWrite = 64;
// Short pieces are gathered into one string, or a queue of pongs would be all bookkeeping.
constexpr std::size_t kShortPiece = 256;
constexpr std::size_t kGathered = 8 * 1024;

}  // namespace

void Connection::write(base::Bytes bytes) {
  if (!is_open() || bytes.empty()) return;
  const std::size_t size = bytes.size();
  // Not to the head of the queue, which is being written.
  const bool may_gather = size <= kShortPiece && queue_.size() >= queue_head_ + 2;
  std::size_t counted = may_gather ? queue_.back().counted_size() : 0;
  if (may_gather && queue_.back().append_short(bytes.view(), kGathered)) {
    counted = queue_.back().counted_size() - counted;
  } else {
    counted = bytes.counted_size();
    shard_.spare_queues_.lend(queue_);
    queue_.push_back(std::move(bytes));
  }
  // After what may fail.
  queued_bytes_ += size;
  counted_bytes_ += counted;
  if (waiting_writable_) count_held();  // no flush will do it in this turn
  request_flush();
}

void Connection::request_flush() {
  // While the socket is full, its readiness is what continues the flush.
  if (flush_requested_ || waiting_writable_ || state_ == State::closed) return;
  shard_.flushes_.push_back(id_);
  flush_requested_ = true;  // after what may fail
}

void Connection::flush() {
  flush_requested_ = false;
  if (state_ == State::open || state_ == State::flushing) write_queue();
}

void Connection::write_queue() {
  const bool had_output = queued_bytes_ > 0;
  while (queued_bytes_ > 0) {
    // Only as many as there are get a value: there are few, and this is for each write.
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
    std::array<iovec, kPartsPerWrite> parts;
    std::size_t count = 0;
    std::size_t offset = head_offset_;
    for (std::size_t i = queue_head_; i < queue_.size() && count < parts.size(); ++i) {
      const std::string_view view = queue_[i].view().substr(offset);
      offset = 0;
      parts[count++] = {const_cast<char*>(view.data()), view.size()};
    }
    const IoResult result = stream_->try_write({parts.data(), count});
    // A write that comes to an end of file has failed as much as one that says nothing.
    if (result.failed() || result.eof || result.says_nothing())
      return abort(CloseReason::peer_reset);
    consume(result.bytes);
    if (queued_bytes_ == 0) break;
    if (result.want_read || result.want_write) {
      moved_output_ = moved_output_ || result.bytes > 0;
      if (!deadline_.is_scheduled()) begin_write_timeout();
      count_held();
      if (result.want_write) return wait_writable();
      write_wants_read_ = true;
      is_input_empty_ = !result.is_cut;
      if (result.is_cut) go_on_next_turn();
      return;
    }
  }
  shard_.spare_queues_.take_back(queue_);
  queue_head_ = head_offset_ = 0;
  if (!is_watched_) deadline_.cancel();  // else until all of it has arrived
  if (held_) count_held();
  if (state_ == State::flushing) return begin_linger();
  if (had_output) handler_->on_drained(*this);
  // What was not read because the queue was full.
  if (state_ == State::open && (unread_ || (!is_input_empty_ && !peer_finished_))) continue_later();
}

void Connection::begin_write_timeout() {
  acknowledged_mark_ = stream_->acknowledged_bytes().value_or(0);
  unacknowledged_mark_ = stream_->unacknowledged_bytes();
  moved_output_ = false;
  watch(true);
  shard_.schedule_in(deadline_, port_->connections.write_timeout);
}

// While we look at what is acknowledged the system's timer is off. It begins when the peer's window
// closes, and a window that opens by less than the next packet, again and again, does not stop it:
// a slow reader would be ended in the middle of its progress.
void Connection::watch(bool watched) {
  if (is_watched_ == watched) return;
  is_watched_ = watched;
  set_user_timeout();
}

void Connection::set_user_timeout() {
  using std::chrono::milliseconds;
  const milliseconds usual = port_->connections.user_timeout;
  if (usual == milliseconds::zero()) return;
  const auto longest = std::chrono::duration_cast<milliseconds>(longest_pause());
  stream_->set_user_timeout(is_watched_ ? milliseconds::zero()
                            : pauses_   ? std::max(usual, longest)
                                        : usual);
}

// The socket takes from the queue in large steps, minutes apart on a slow line. What the peer's
// system has acknowledged in the meantime is what tells a slow line from a peer that reads nothing.
bool Connection::is_output_stuck() {
  const auto acknowledged = stream_->acknowledged_bytes();
  if (!acknowledged) return !moved_output_;
  const auto arrived = *acknowledged - acknowledged_mark_;
  // All that there was, which may be less than a slow line carries in that time.
  if (arrived > 0 && arrived >= unacknowledged_mark_) return false;
  if (!is_too_slow(arrived, port_->connections.write_timeout)) return false;
  return !may_pause_on(*acknowledged);
}

void Connection::allow_pauses(bool allow) {
  if (state_ == State::closed || allow == (pauses_ != nullptr)) return;
  pauses_ = allow ? std::make_unique<Pauses>() : nullptr;
  if (pauses_) pauses_->counted = stream_->acknowledged_bytes().value_or(0);
  // Without output of ours that waits, only the system sees that its buffers are not emptied.
  set_user_timeout();
}

// Takes the write timeout that has passed off what the peer has earned, if it has earned so much.
bool Connection::may_pause_on(std::uint64_t acknowledged) {
  if (!pauses_) return false;
  const std::chrono::duration<double> earned(
      static_cast<double>(acknowledged - std::exchange(pauses_->counted, acknowledged)) /
      kPausingRate);
  // Compared before the conversion: terabytes would overflow it.
  pauses_->left =
      earned >= longest_pause()
          ? longest_pause()
          : std::min(longest_pause(),
                     pauses_->left + std::chrono::duration_cast<base::Duration>(earned));
  if (pauses_->left < port_->connections.write_timeout) return false;
  pauses_->left -= port_->connections.write_timeout;
  return true;
}

void Connection::consume(std::size_t bytes) {
  queued_bytes_ -= bytes;
  while (bytes > 0) {
    const std::size_t left = queue_[queue_head_].size() - head_offset_;
    if (bytes < left) {
      head_offset_ += bytes;
      break;
    }
    bytes -= left;
    counted_bytes_ -= queue_[queue_head_].counted_size();
    queue_[queue_head_++] = {};  // lets go of shared bytes at once
    head_offset_ = 0;
  }
  // A queue that never runs empty must not grow at its consumed end.
  if (queue_head_ > 1024 && queue_head_ * 2 > queue_.size()) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(queue_head_));
    queue_head_ = 0;
  }
}

void Connection::close_after_flush() {
  if (!is_open()) return;
  if (state_ == State::handshaking) return abort();
  state_ = State::flushing;
  unread_.reset();
  close_reason_ = peer_finished_ ? CloseReason::peer_closed : CloseReason::local;
  set_idle(false);
  // Also with an empty queue, so that the close happens at the end of the turn in either case.
  request_flush();
}

// RFC 9112 section 9.6: close the sending half, then read on until the peer closes, or until it has
// had its time. A full close with unread input would answer with a reset, which destroys what the
// peer has not read yet.
void Connection::begin_linger() {
  // Of a plain stream whose peer has finished, too, closing says the same.
  if (!peer_finished_ || stream_->is_tls()) stream_->shutdown_write();
  if (peer_finished_) return abort(close_reason_);
  state_ = State::lingering;
  shard_.schedule_in(deadline_, port_->connections.linger_timeout);
  // Else an event says when there is some.
  if (!is_input_empty_) swallow_input();
}

void Connection::swallow_input() {
  const std::span<std::uint8_t> scratch = shard_.scratch();
  while (lingered_bytes_ < port_->connections.linger_bytes) {
    // Below TLS: nothing of it is wanted any more.
    const ssize_t count = ::recv(stream_->descriptor(), scratch.data(), scratch.size(), 0);
    if (count > 0) {
      lingered_bytes_ += static_cast<std::size_t>(count);
      continue;
    }
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      is_input_empty_ = true;
      return;
    }
    break;
  }
  abort(close_reason_);
}

void Connection::on_deadline() {
  switch (state_) {
    case State::handshaking: return abort(CloseReason::handshake_timeout);
    case State::open:
    case State::flushing:
      if (queued_bytes_ == 0 && stream_->unacknowledged_bytes() == 0) return watch(false);
      return is_output_stuck() ? abort(CloseReason::write_timeout) : begin_write_timeout();
    case State::lingering: return abort(close_reason_);
    case State::closed: return;
  }
}

}  // namespace sigway::net
