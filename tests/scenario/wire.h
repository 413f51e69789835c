#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace sigway::testing {

using Clock = std::chrono::steady_clock;

/// How long a test waits for what must come. Only a failing test waits so long.
constexpr std::chrono::seconds kPatience{60};

/// One TCP connection to the server, plain or TLS, whose reads have deadlines. Certificates are not
/// verified. Throws std::runtime_error where the connection cannot be made.
class Wire {
 public:
  Wire(int port, bool tls);
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// False if the connection is broken.
  bool write(std::string_view bytes);

  enum class Read { data, timeout, end };
  /// Appends what has come. `end` is the server's orderly or other end of the connection.
  Read read(std::string& into, Clock::time_point deadline);

  /// Resets the connection at once, as a network that breaks: the server gets no good-bye.
  void cut();

  /// The certificate that the server showed, as a fingerprint.
  std::string certificate() const;

 private:
  bool wait(short events, Clock::time_point deadline) const;
  /// Waits for what OpenSSL said that it needs.
  /// SSL_get_error judges by all the errors that the thread has queued, those of other connections
  /// too (the HTTP client leaves some there): the queue has to be empty before each call.
  SSL* tls_for_call();
  bool wait_for_tls(int result, Clock::time_point deadline) const;

  int socket_ = -1;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
};

}  // namespace sigway::testing
