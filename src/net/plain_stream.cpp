#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "net/stream.h"

namespace sigway::net {

namespace {

class PlainStream final : public Stream {
 public:
  explicit PlainStream(int descriptor) : Stream(descriptor) {}
  ~PlainStream() override { ::close(descriptor_); }
  PlainStream(const PlainStream&) = delete;
  PlainStream& operator=(const PlainStream&) = delete;

  bool is_tls() const override { return false; }
  IoResult handshake() override { return {}; }

  IoResult try_read(std::span<std::uint8_t> into) override {
    IoResult result;
    ssize_t count = 0;
    do {
      count = ::recv(descriptor_, into.data(), into.size(), 0);
    } while (count < 0 && errno == EINTR);
    if (count > 0) {
      result.bytes = static_cast<std::size_t>(count);
    } else if (count == 0) {
      result.eof = true;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      result.want_read = true;
    } else {
      result.error = std::error_code(errno, std::system_category());
    }
    return result;
  }

  IoResult try_write(std::span<const iovec> parts) override {
    IoResult result;
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    ssize_t count = 0;
    do {
      count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL);
    } while (count < 0 && errno == EINTR);
    if (count >= 0) {
      result.bytes = static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      result.want_write = true;
    } else {
      result.error = std::error_code(errno, std::system_category());
    }
    return result;
  }

  void shutdown_write() override { ::shutdown(descriptor_, SHUT_WR); }
};

}  // namespace

std::unique_ptr<Stream> make_plain_stream(int descriptor) {
  return std::make_unique<PlainStream>(descriptor);
}

}  // namespace sigway::net
