#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <system_error>

#include "base/clock.h"

namespace sigway::net {

// What one non-blocking step on a stream came to. `want_read` and `want_write` say for what the
// socket must become ready before the step is repeated; they may come with bytes > 0 when only a
// part was done. TLS may want to write in order to read, and the other way round. A step that moved
// nothing says why: a wish, eof (only when reading) or an error. A caller that is told nothing
// takes the stream for broken, so that no loop repeats a step without progress.
struct IoResult {
  std::size_t bytes = 0;
  bool want_read = false;
  bool want_write = false;
  // With want_read: the socket may have more, and no readiness will announce it. The stream has
  // used up its share of the turn; the step is repeated in the next one.
  bool is_cut = false;
  bool eof = false;  // reading: the peer has finished sending
  std::error_code error;

  bool failed() const { return static_cast<bool>(error); }
  bool says_nothing() const { return bytes == 0 && !want_read && !want_write && !eof && !error; }
};

// A non-blocking byte stream over a connected socket, plain or TLS, which are equal behind this.
// Holds no buffer of its own while nothing is in flight. Owns the descriptor. Thread: that of the
// connection it belongs to.
class Stream {
 public:
  virtual ~Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int descriptor() const { return descriptor_; }
  virtual bool is_tls() const = 0;

  // A turn of the loop begins, in which the stream may do as much as one may take of a turn. Beyond
  // that its steps say want_read with is_cut. `now` never goes back.
  virtual void begin_turn(base::TimePoint) {}

  // Neither wish nor error: done. A plain stream is done at once.
  virtual IoResult handshake() = 0;
  // Why a TLS handshake failed, in the one case where something can be said to the client.
  virtual bool spoke_plain_http() const { return false; }

  // want_read without is_cut: the socket was found empty, so the next bytes are announced. A plain
  // stream says the same by fewer bytes than were asked for, unless more than bytes has come.
  virtual IoResult try_read(std::span<std::uint8_t> into) = 0;
  // Writes as much as the socket takes now. A repeated call after want_* must begin with the same
  // bytes (a TLS rule); more may follow them.
  virtual IoResult try_write(std::span<const iovec> parts) = 0;
  // Whether bytes already taken from the socket wait to be read: no readiness will announce them.
  virtual bool has_buffered_input() const { return false; }
  // Bytes that the peer's system has acknowledged so far, TLS's own included (tcpi_bytes_acked of
  // TCP_INFO, Linux 4.1). Empty where that is not known.
  virtual std::optional<std::uint64_t> acknowledged_bytes() const;
  // Bytes that the socket has taken and the peer's system has not acknowledged (SIOCOUTQ).
  virtual std::size_t unacknowledged_bytes() const;
  // For how long they may stay so before the system ends the connection (TCP_USER_TIMEOUT). Zero:
  // as long as the system has it, which never gives up a peer that answers.
  virtual void set_user_timeout(std::chrono::milliseconds timeout);
  // Says that nothing more will be sent (close_notify, then FIN). Best effort, does not block.
  virtual void shutdown_write() = 0;

 protected:
  explicit Stream(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Takes the descriptor, which must be connected and non-blocking.
std::unique_ptr<Stream> make_plain_stream(int descriptor);

}  // namespace sigway::net
