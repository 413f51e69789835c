#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "client/endpoint.h"
#include "client/scheduler.h"

namespace sigway::client {

/// Something that a waiting thread can be woken by, from any thread.
class Wakeup {
 public:
  Wakeup();
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void wake() const;
  void clear() const;
  int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

/// One connection to the server, plain or TLS, through a proxy if there is one (by CONNECT). Waits
/// can be broken off from another thread. Thread: one. Errors: connect() says what failed, in
/// words.
class Wire {
 public:
  explicit Wire(const Wakeup& wakeup) : wakeup_(wakeup) {}
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  /// `give_up` is asked whenever the wakeup was woken. Empty if it is connected.
  std::string connect(const Endpoint& endpoint, Duration longest,
                      const std::function<bool()>& give_up);

  enum class Status { done, later, closed };
  /// Appends what there is. `later` if that is nothing.
  Status read(std::string& into);
  /// Takes from the front of `from` what can be written.
  Status write(std::string& from);
  /// Until something can be read (or written, if that is wanted), the wakeup is woken, or it is
  /// time.
  void wait(bool to_write, Duration longest) const;

 private:
  std::string open_socket(const std::string& host, std::uint16_t port, Time deadline,
                          const std::function<bool()>& give_up);
  std::string through_proxy(const Endpoint& endpoint, Time deadline,
                            const std::function<bool()>& give_up);
  std::string shake_hands(const Endpoint& endpoint, Time deadline,
                          const std::function<bool()>& give_up);
  bool wait_until(bool to_write, Time deadline, const std::function<bool()>& give_up) const;

  const Wakeup& wakeup_;
  int socket_ = -1;
  bool wants_write_ = false;  // TLS, whatever it is doing
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
};

}  // namespace sigway::client
