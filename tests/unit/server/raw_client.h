#pragma once

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// A client that writes bytes as they are given and reads what comes: plain or TLS.
namespace sigway::server::testing {

// An answer as it was on the wire, taken apart by the simplest possible reading.
struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; repeated ones joined by ", "
  std::string body;
  bool is_complete = false;
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
  }
};

class RawClient {
 public:
  explicit RawClient(std::uint16_t port, bool tls = false) {
    descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(descriptor_ >= 0);
    timeval patience{60, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    // Else the kernel may take tens of MiB for a client that reads nothing, as it pleases.
    int window = 256 * 1024;
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
    int one = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    if (!tls) return;
    context_ = SSL_CTX_new(TLS_client_method());
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, descriptor_);
    REQUIRE(SSL_connect(ssl_) == 1);
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void close() {
    if (ssl_) SSL_free(std::exchange(ssl_, nullptr));
    if (context_) SSL_CTX_free(std::exchange(context_, nullptr));
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  // A reset instead of an orderly end.
  void reset() {
    const linger hard{1, 0};
    ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void finish_writing() {
    if (ssl_) SSL_shutdown(ssl_);
    ::shutdown(descriptor_, SHUT_WR);
  }

  // False when the server does not take it any more.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto count =
          ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
               : static_cast<int>(::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  // False at the end of the stream, or after 60 seconds of silence.
  bool receive_more() {
    char buffer[16 * 1024];
    const auto count = ssl_ ? SSL_read(ssl_, buffer, sizeof buffer)
                            : static_cast<int>(::recv(descriptor_, buffer, sizeof buffer, 0));
    if (count <= 0) {
      was_reset_ = !ssl_ && count < 0 && errno == ECONNRESET;
      timed_out_ = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
      return false;
    }
    input_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  // Reads until that text has come, and takes everything up to its end.
  std::optional<std::string> receive_until(std::string_view text) {
    std::size_t found = std::string::npos;
    while ((found = input_.find(text)) == std::string::npos) {
      if (!receive_more()) return std::nullopt;
    }
    std::string taken = input_.substr(0, found + text.size());
    input_.erase(0, taken.size());
    return taken;
  }
  std::string receive_exactly(std::size_t size) {
    while (input_.size() < size && receive_more()) {
    }
    std::string taken = input_.substr(0, size);
    input_.erase(0, taken.size());
    return taken;
  }
  std::string receive_all() {
    while (receive_more()) {
    }
    return std::exchange(input_, {});
  }
  // True when the server has closed, in order and with nothing more to say.
  bool is_closed_by_server() { return receive_all().empty() && !was_reset_ && !timed_out_; }
  bool is_silent_for(int milliseconds) {
    if (!input_.empty()) return false;
    pollfd waiting{descriptor_, POLLIN, 0};
    return ::poll(&waiting, 1, milliseconds) == 0;
  }
  bool was_reset() const { return was_reset_; }
  SSL* ssl() const { return ssl_; }
  int descriptor() const { return descriptor_; }

  // Reads one answer. `bodiless`: to HEAD.
  Answer receive_answer(bool bodiless = false) {
    Answer answer;
    const auto head = receive_until("\r\n\r\n");
    if (!head) return answer;
    std::string_view rest = *head;
    if (!rest.starts_with("HTTP/1.1 ")) return answer;
    std::from_chars(rest.data() + 9, rest.data() + 12, answer.status);
    rest.remove_prefix(rest.find("\r\n") + 2);
    while (rest != "\r\n") {
      const std::size_t end = rest.find("\r\n");
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(end + 2);
      const std::size_t colon = line.find(": ");
      std::string name(line.substr(0, colon));
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      std::string& value = answer.headers[name];
      if (!value.empty()) value += ", ";
      value += line.substr(colon + 2);
    }
    answer.is_complete = receive_body(answer, bodiless);
    return answer;
  }

 private:
  bool receive_body(Answer& answer, bool bodiless) {
    if (bodiless || answer.status < 200 || answer.status == 204 || answer.status == 304)
      return true;
    if (answer.headers.count("content-length") != 0) {
      const std::size_t length = std::stoul(answer.headers["content-length"]);
      answer.body = receive_exactly(length);
      return answer.body.size() == length;
    }
    if (answer.headers.count("transfer-encoding") == 0) {
      answer.body = receive_all();
      return true;
    }
    while (true) {
      const auto line = receive_until("\r\n");
      if (!line) return false;
      const std::size_t size = std::stoul(*line, nullptr, 16);
      const std::string chunk = receive_exactly(size + 2);
      if (chunk.size() != size + 2) return false;
      if (size == 0) return true;
      answer.body += chunk.substr(0, size);
    }
  }

  int descriptor_ = -1;
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  std::string input_;
  bool was_reset_ = false;
  bool timed_out_ = false;
};

}  // namespace sigway::server::testing
