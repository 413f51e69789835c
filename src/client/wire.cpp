#include "client/wire.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace sigway::client {
namespace {

Duration left_until(Time deadline) {
  return std::max(Duration(0), std::chrono::ceil<Duration>(deadline - Clock::now()));
}

std::string why(int error) { return std::error_code(error, std::generic_category()).message(); }

std::string base64(const std::string& text) {
  std::string result((text.size() + 2) / 3 * 4 + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                    reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()));
  result.resize(static_cast<std::size_t>(size));
  return result;
}

}  // namespace

Wakeup::Wakeup() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}

Wakeup::~Wakeup() { close(descriptor_); }

void Wakeup::wake() const { eventfd_write(descriptor_, 1); }

void Wakeup::clear() const {
  eventfd_t value = 0;
  eventfd_read(descriptor_, &value);
}

Wire::~Wire() {
  if (socket_ >= 0) close(socket_);
}

std::string Wire::connect(const Endpoint& endpoint, Duration longest,
                          const std::function<bool()>& give_up) {
  const auto deadline = Clock::now() + longest;
  const auto& host = endpoint.proxy ? endpoint.proxy->host : endpoint.url.host;
  const auto port = endpoint.proxy ? endpoint.proxy->port : endpoint.url.port;
  auto problem = open_socket(host, port, deadline, give_up);
  if (problem.empty() && endpoint.proxy) problem = through_proxy(endpoint, deadline, give_up);
  if (problem.empty() && endpoint.url.tls) problem = shake_hands(endpoint, deadline, give_up);
  return problem;
}

std::string Wire::open_socket(const std::string& host, std::uint16_t port, Time deadline,
                              const std::function<bool()>& give_up) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found))
    return "cannot find " + host + ": " + gai_strerror(error);
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, freeaddrinfo);
  std::string problem = host + " has no address";
  for (const auto* address = found; address != nullptr; address = address->ai_next) {
    socket_ = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return why(errno);
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = 0;
    if (::connect(socket_, address->ai_addr, address->ai_addrlen) != 0) error = errno;
    if (error == EINPROGRESS) {
      if (!wait_until(true, deadline, give_up)) return "no connection to " + host + " in time";
      socklen_t size = sizeof error;
      getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return {};
    problem = "no connection to " + host + " port " + std::to_string(port) + ": " + why(error);
    close(std::exchange(socket_, -1));
  }
  return problem;
}

std::string Wire::through_proxy(const Endpoint& endpoint, Time deadline,
                                const std::function<bool()>& give_up) {
  const auto& proxy = *endpoint.proxy;
  auto target = endpoint.url.host.find(':') == std::string::npos ? endpoint.url.host
                                                                 : '[' + endpoint.url.host + ']';
  target += ':' + std::to_string(endpoint.url.port);
  auto request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!proxy.user.empty())
    request += "Proxy-Authorization: Basic " + base64(proxy.user + ':' + proxy.password) + "\r\n";
  request += "\r\n";
  std::string answer;
  constexpr std::size_t kLongest = 16'384;
  // A byte at a time would be needed if the server could speak first; it cannot.
  for (;;) {
    if (const auto end = answer.find("\r\n\r\n"); end != std::string::npos) {
      if (!answer.starts_with("HTTP/1.") || answer[9] != '1') break;
      answer.erase(0, end + 4);  // an interim answer (RFC 9110 §15.2)
      continue;
    }
    if (!request.empty() && write(request) == Status::closed)
      return "the proxy closed the connection";
    const auto status = read(answer);
    if (status == Status::closed || answer.size() > kLongest)
      return "the proxy did not answer CONNECT";
    if (status == Status::later && !wait_until(!request.empty(), deadline, give_up))
      return "the proxy did not answer CONNECT in time";
  }
  const auto line = answer.substr(0, answer.find("\r\n"));
  if (line.size() >= 12 && line.starts_with("HTTP/1.") && line[9] == '2') return {};
  return "the proxy refused CONNECT: " + line.substr(0, 100);
}

std::string Wire::shake_hands(const Endpoint& endpoint, Time deadline,
                              const std::function<bool()>& give_up) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  if (endpoint.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context_.get());
  } else if (SSL_CTX_load_verify_locations(context_.get(), endpoint.ca_file.c_str(), nullptr) !=
             1) {
    return "cannot read certificates from " + endpoint.ca_file;
  }
  SSL_CTX_set_verify(context_.get(), endpoint.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
                     nullptr);
  tls_.reset(SSL_new(context_.get()));
  SSL_set_fd(tls_.get(), socket_);
  const auto& host = endpoint.url.host;
  // An address is no server name (RFC 6066 §3), and is looked for elsewhere in the certificate.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_.get()), host.c_str()) != 1) {
    SSL_set1_host(tls_.get(), host.c_str());
    SSL_set_tlsext_host_name(tls_.get(), host.c_str());
  }
  for (;;) {
    ERR_clear_error();
    const int result = SSL_connect(tls_.get());
    if (result == 1) return {};
    const int error = SSL_get_error(tls_.get(), result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      if (wait_until(error == SSL_ERROR_WANT_WRITE, deadline, give_up)) continue;
      return "no TLS handshake in time";
    }
    const auto verified = SSL_get_verify_result(tls_.get());
    if (verified != X509_V_OK)
      return std::string("the certificate is not trusted: ") +
             X509_verify_cert_error_string(verified);
    return "the TLS handshake failed";
  }
}

Wire::Status Wire::read(std::string& into) {
  std::array<char, 16'384> block;  // NOLINT: read fills it
  if (tls_) {
    ERR_clear_error();
    const int count = SSL_read(tls_.get(), block.data(), static_cast<int>(block.size()));
    if (count > 0) {
      into.append(block.data(), static_cast<std::size_t>(count));
      return Status::done;
    }
    const int error = SSL_get_error(tls_.get(), count);
    wants_write_ = error == SSL_ERROR_WANT_WRITE;
    return wants_write_ || error == SSL_ERROR_WANT_READ ? Status::later : Status::closed;
  }
  const auto count = recv(socket_, block.data(), block.size(), 0);
  if (count > 0) {
    into.append(block.data(), static_cast<std::size_t>(count));
    return Status::done;
  }
  const bool later = count < 0 && (errno == EAGAIN || errno == EINTR);
  return later ? Status::later : Status::closed;
}

Wire::Status Wire::write(std::string& from) {
  while (!from.empty()) {
    if (tls_) {
      ERR_clear_error();
      const int count = SSL_write(tls_.get(), from.data(),
                                  static_cast<int>(std::min<std::size_t>(from.size(), 16'384)));
      if (count > 0) {
        from.erase(0, static_cast<std::size_t>(count));
        continue;
      }
      const int error = SSL_get_error(tls_.get(), count);
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return Status::later;
      return Status::closed;
    }
    const auto count = send(socket_, from.data(), from.size(), MSG_NOSIGNAL);
    if (count > 0) {
      from.erase(0, static_cast<std::size_t>(count));
    } else {
      return errno == EAGAIN || errno == EINTR ? Status::later : Status::closed;
    }
  }
  return Status::done;
}

void Wire::wait(bool to_write, Duration longest) const {
  const bool writes = to_write || wants_write_;
  const auto events = static_cast<short>(POLLIN | (writes ? POLLOUT : 0));
  std::array<pollfd, 2> wanted{{{socket_, events, 0}, {wakeup_.descriptor(), POLLIN, 0}}};
  poll(wanted.data(), wanted.size(), static_cast<int>(longest.count()));
}

bool Wire::wait_until(bool to_write, Time deadline, const std::function<bool()>& give_up) const {
  // A socket that is being connected is not readable; asking for that would be answered at once.
  std::array<pollfd, 2> wanted{{{socket_, static_cast<short>(to_write ? POLLOUT : POLLIN), 0},
                                {wakeup_.descriptor(), POLLIN, 0}}};
  for (;;) {
    if (give_up()) return false;
    const auto left = left_until(deadline);
    if (left == Duration(0)) return false;
    const int count = poll(wanted.data(), wanted.size(), static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) return false;
    if (count > 0 && wanted[1].revents != 0) wakeup_.clear();
    if (count > 0 && wanted[0].revents != 0) return true;
  }
}

}  // namespace sigway::client
