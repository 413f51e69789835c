#include "net/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <new>

namespace sigway::net {

namespace {

// The plaintext of one TLS record. Small parts are gathered up to it, so that a chunk's head, its
// data and its end are one record and not three.
constexpr std::size_t kRecordBytes = 16 * 1024;

// OpenSSL reads records within one call for as long as they come, unless one of them has data. So
// the calls are bounded at the socket: after so many reads from it in one turn it looks empty. A
// record takes two: its head, then the rest. A turn's 256 KiB in full records take 34.
constexpr int kReadsPerTurn = 2 * 32;

// Records without data: key updates, requests to renegotiate, warnings, empty ones. A client that
// is no attacker sends one of them in hours. Beyond so many in one window the stream has failed.
constexpr std::uint32_t kMostWithoutData = 32;
constexpr auto kWithoutDataWindow = std::chrono::seconds(10);

class TlsStream final : public Stream {
 public:
  TlsStream(SSL* ssl, int descriptor) : Stream(descriptor), ssl_(ssl) {
    BIO* const socket = BIO_new(socket_method());
    if (!socket) throw std::bad_alloc();
    BIO_set_data(socket, this);
    BIO_set_init(socket, 1);
    SSL_set_bio(ssl_, socket, socket);
    SSL_set_msg_callback_arg(ssl_, this);
    SSL_set_msg_callback(ssl_, on_message);
  }
  ~TlsStream() override {
    SSL_free(ssl_);
    ::close(descriptor_);
  }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  bool is_tls() const override { return true; }
  bool spoke_plain_http() const override { return spoke_plain_http_; }
  bool has_buffered_input() const override { return SSL_has_pending(ssl_) != 0; }

  void begin_turn(base::TimePoint now) override {
    reads_left_ = kReadsPerTurn;
    if (now - window_began_ < kWithoutDataWindow) return;
    window_began_ = now;
    without_data_ = 0;
  }

  IoResult handshake() override {
    begin_step();
    const int outcome = SSL_do_handshake(ssl_);
    if (outcome == 1) {
      without_data_ = 0;  // the timeout bounds those of the handshake
      return {};
    }
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) spoke_plain_http_ = true;
    return result_of(outcome);
  }

  IoResult try_read(std::span<std::uint8_t> into) override {
    begin_step();
    IoResult total;
    // SSL_read returns at most a record; filling the buffer saves the handler some calls.
    while (total.bytes < into.size()) {
      ERR_clear_error();
      const std::size_t room = std::min<std::size_t>(into.size() - total.bytes, INT_MAX);
      const int outcome = SSL_read(ssl_, into.data() + total.bytes, static_cast<int>(room));
      if (outcome <= 0) {
        const std::size_t bytes = total.bytes;
        total = result_of(outcome);
        total.bytes = bytes;
        break;
      }
      total.bytes += static_cast<std::size_t>(outcome);
      if (without_data_ > 0) --without_data_;  // `on_message` has counted its record, too
    }
    if (without_data_ > kMostWithoutData)
      total.error = std::make_error_code(std::errc::protocol_error);
    return total;
  }

  IoResult try_write(std::span<const iovec> parts) override {
    begin_step();
    std::array<char, kRecordBytes> gathered;  // NOLINT: filled below as far as it is used
    const char* data = static_cast<const char*>(parts.front().iov_base);
    std::size_t size = parts.front().iov_len;
    if (parts.size() > 1 && size < kRecordBytes) {
      std::size_t filled = 0;
      for (const iovec& part : parts) {
        const std::size_t taken = std::min(part.iov_len, kRecordBytes - filled);
        std::copy_n(static_cast<const char*>(part.iov_base), taken, gathered.data() + filled);
        filled += taken;
        if (filled == kRecordBytes) break;
      }
      data = gathered.data();
      size = filled;
    }
    // OpenSSL wants a write that it has begun repeated with the same bytes and perhaps more. The
    // queue only grows at its end, so it gets them.
    const int outcome =
        SSL_write(ssl_, data, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
    IoResult result;
    if (outcome > 0) {
      result.bytes = static_cast<std::size_t>(outcome);
      return result;
    }
    result = result_of(outcome);
    if (!result.eof) return result;
    // OpenSSL reports every failure after the peer's close_notify as "zero return", also that of
    // the socket under a write. A write has no end of file: it has failed.
    is_broken_ = true;
    result.eof = false;
    result.error = std::make_error_code(std::errc::broken_pipe);
    return result;
  }

  void shutdown_write() override {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_) != 0 && !is_broken_) (void)SSL_shutdown(ssl_);
    ERR_clear_error();
    ::shutdown(descriptor_, SHUT_WR);
  }

 private:
  // The socket as OpenSSL sees it. A method of our own, because a callback of OpenSSL's would also
  // be called for each write, before and after it.
  static const BIO_METHOD* socket_method() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket of a turn");
      if (!made) throw std::bad_alloc();
      BIO_meth_set_read(made, read_socket);
      BIO_meth_set_write(made, write_socket);
      BIO_meth_set_ctrl(made, control_socket);
      return made;
    }();
    return kMethod;
  }
  static TlsStream& stream_of(BIO* bio) { return *static_cast<TlsStream*>(BIO_get_data(bio)); }

  static int read_socket(BIO* bio, char* into, int size) {
    TlsStream& stream = stream_of(bio);
    BIO_clear_retry_flags(bio);
    if (stream.reads_left_ == 0) {
      BIO_set_retry_read(bio);
      stream.is_socket_empty_ = false;
      return -1;  // as if it were empty
    }
    --stream.reads_left_;
    const ssize_t count = ::recv(stream.descriptor_, into, static_cast<std::size_t>(size), 0);
    stream.socket_ended_ = count == 0;
    stream.is_socket_empty_ = count < 0 && errno != EINTR;
    if (count < 0 && may_retry()) BIO_set_retry_read(bio);
    return static_cast<int>(count);
  }
  static int write_socket(BIO* bio, const char* data, int size) {
    BIO_clear_retry_flags(bio);
    const ssize_t count =
        ::send(stream_of(bio).descriptor_, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (count < 0 && may_retry()) BIO_set_retry_write(bio);
    return static_cast<int>(count);
  }
  static long control_socket(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return stream_of(bio).socket_ended_ ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static bool may_retry() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

  static void on_message(int is_ours, int, int type, const void*, std::size_t, SSL*, void* stream) {
    if (is_ours == 0 && type == SSL3_RT_HEADER) ++static_cast<TlsStream*>(stream)->without_data_;
  }

  // A step that does not come to read the socket must not go by what an earlier one has found.
  void begin_step() {
    ERR_clear_error();
    is_socket_empty_ = false;
  }

  IoResult result_of(int outcome) {
    IoResult result;
    const int system = errno;
    switch (SSL_get_error(ssl_, outcome)) {
      case SSL_ERROR_WANT_READ:
        result.want_read = true;
        result.is_cut = !is_socket_empty_;
        break;
      case SSL_ERROR_WANT_WRITE: result.want_write = true; break;
      case SSL_ERROR_ZERO_RETURN: result.eof = true; break;
      case SSL_ERROR_SYSCALL:
        is_broken_ = true;
        result.error = std::error_code(system != 0 ? system : ECONNRESET, std::system_category());
        break;
      default:
        is_broken_ = true;
        result.error = std::make_error_code(std::errc::protocol_error);
        break;
    }
    ERR_clear_error();
    return result;
  }

  SSL* ssl_;
  int reads_left_ = kReadsPerTurn;  // from the socket, in this turn
  std::uint32_t without_data_ = 0;  // records since the window began that have given no data (yet)
  base::TimePoint window_began_;
  bool socket_ended_ = false;
  bool is_socket_empty_ = false;  // as the last read from it has found in this step
  bool spoke_plain_http_ = false;
  bool is_broken_ = false;  // after a fatal error SSL_shutdown must not be called
};

}  // namespace

std::unique_ptr<Stream> make_tls_stream(ssl_ctx_st* context, int descriptor) {
  SSL* ssl = SSL_new(context);
  if (!ssl) return nullptr;
  SSL_set_accept_state(ssl);
  try {
    return std::make_unique<TlsStream>(ssl, descriptor);
  } catch (const std::bad_alloc&) {
    SSL_free(ssl);
    throw;
  }
}

}  // namespace sigway::net
