#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <new>

namespace sigway::net {

namespace {

// The plaintext of one TLS record. Small parts are gathered up to it, so that a chunk's head, its
// data and its end are one record and not three.
constexpr std::size_t kRecordBytes = 16 * 1024;

class TlsStream final : public Stream {
 public:
  TlsStream(SSL* ssl, int descriptor) : Stream(descriptor), ssl_(ssl) {}
  ~TlsStream() override {
    SSL_free(ssl_);
    ::close(descriptor_);
  }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  bool is_tls() const override { return true; }
  bool spoke_plain_http() const override { return spoke_plain_http_; }
  bool has_buffered_input() const override { return SSL_has_pending(ssl_) != 0; }

  IoResult handshake() override {
    ERR_clear_error();
    const int outcome = SSL_do_handshake(ssl_);
    if (outcome == 1) return {};
    if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) spoke_plain_http_ = true;
    return result_of(outcome);
  }

  IoResult try_read(std::span<std::uint8_t> into) override {
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
    }
    return total;
  }

  IoResult try_write(std::span<const iovec> parts) override {
    ERR_clear_error();
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
  IoResult result_of(int outcome) {
    IoResult result;
    const int system = errno;
    switch (SSL_get_error(ssl_, outcome)) {
      case SSL_ERROR_WANT_READ: result.want_read = true; break;
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
  bool spoke_plain_http_ = false;
  bool is_broken_ = false;  // after a fatal error SSL_shutdown must not be called
};

}  // namespace

std::unique_ptr<Stream> make_tls_stream(ssl_ctx_st* context, int descriptor) {
  SSL* ssl = SSL_new(context);
  if (!ssl) return nullptr;
  if (SSL_set_fd(ssl, descriptor) != 1) {
    SSL_free(ssl);
    return nullptr;
  }
  SSL_set_accept_state(ssl);
  try {
    return std::make_unique<TlsStream>(ssl, descriptor);
  } catch (const std::bad_alloc&) {
    SSL_free(ssl);
    throw;
  }
}

}  // namespace sigway::net
