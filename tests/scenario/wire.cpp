#include "scenario/wire.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <stdexcept>

namespace sigway::testing {

Wire::Wire(int port, bool tls) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  // OpenSSL writes without MSG_NOSIGNAL: a server that has closed is an error, not a signal.
  std::signal(SIGPIPE, SIG_IGN);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(socket_);
    throw std::runtime_error("the server does not accept");
  }
  fcntl(socket_, F_SETFL, O_NONBLOCK);
  if (!tls) return;
  context_.reset(SSL_CTX_new(TLS_client_method()));
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_);
  const auto deadline = Clock::now() + kPatience;
  for (int result = 0; (result = SSL_connect(tls_for_call())) != 1;) {
    if (wait_for_tls(result, deadline)) continue;
    close(socket_);
    throw std::runtime_error("no TLS handshake");
  }
}

Wire::~Wire() {
  if (socket_ >= 0) close(socket_);
}

bool Wire::wait(short events, Clock::time_point deadline) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  pollfd wanted{socket_, events, 0};
  return poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(0, left))) == 1;
}

SSL* Wire::tls_for_call() {
  ERR_clear_error();
  return tls_.get();
}

bool Wire::wait_for_tls(int result, Clock::time_point deadline) const {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ: return wait(POLLIN, deadline);
    case SSL_ERROR_WANT_WRITE: return wait(POLLOUT, deadline);
    default: return false;
  }
}

bool Wire::write(std::string_view bytes) {
  const auto deadline = Clock::now() + kPatience;
  while (!bytes.empty()) {
    if (socket_ < 0) return false;
    const auto count = tls_
                           ? SSL_write(tls_for_call(), bytes.data(), static_cast<int>(bytes.size()))
                           : send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (tls_) {
      if (!wait_for_tls(static_cast<int>(count), deadline)) return false;
    } else if (errno != EAGAIN || !wait(POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

Wire::Read Wire::read(std::string& into, Clock::time_point deadline) {
  if (socket_ < 0) return Read::end;
  char block[16384];
  for (;;) {
    const auto count = tls_ ? SSL_read(tls_for_call(), block, sizeof block)
                            : recv(socket_, block, sizeof block, 0);
    if (count > 0) {
      into.append(block, static_cast<std::size_t>(count));
      return Read::data;
    }
    const bool again =
        tls_ ? SSL_get_error(tls_.get(), static_cast<int>(count)) == SSL_ERROR_WANT_READ
             : count < 0 && errno == EAGAIN;
    if (!again) return Read::end;
    if (!wait(POLLIN, deadline)) return Read::timeout;
  }
}

void Wire::cut() {
  if (socket_ < 0) return;
  const linger at_once{1, 0};
  setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(socket_);
  socket_ = -1;
}

std::string Wire::certificate() const {
  const std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(tls_.get()),
                                                          X509_free);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(shown.get(), EVP_sha256(), digest, &size);
  return {reinterpret_cast<const char*>(digest), size};
}

}  // namespace sigway::testing
