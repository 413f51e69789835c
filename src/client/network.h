#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "client/scheduler.h"

namespace sigway::client {

/// A complete answer, or why there is none.
struct HttpAnswer {
  int status = 0;  ///< 0: no answer, see `problem`
  std::string body{};
  std::string content_type{};  ///< in lower case
  Duration retry_after{0};
  std::string problem{};  ///< a phrase: "connection refused"
  bool late = false;      ///< the problem: it was not waited for any longer
  bool unsent = false;    ///< the problem: it waited for a connection, and is to be sent again
};

/// What the client asks of the network. Everything is begun and returns at once; what came of it is
/// told by the callbacks, on the client's thread and never from within the call that began it.
/// After drop() nothing more is told. Implementations bound what they read: an answer, a frame or a
/// line that is larger than 8 MiB is a problem.
class Network {
 public:
  using Id = std::uint64_t;  ///< never 0

  /// What they bring is read ahead of the client's thread by a bounded amount.
  struct StreamHandlers {
    std::function<void(const HttpAnswer& head)> open;  ///< status 200, without its body
    std::function<void(std::string_view bytes)> data;
    std::function<void(const HttpAnswer& end)> closed;  ///< refused, failed, or at its end
  };
  struct SocketHandlers {
    std::function<void()> open;
    std::function<void(const std::string& text)> text;
    /// `code` is the close frame's (RFC 6455 §7.4), 1006 if there was none; `status` that of an
    /// HTTP answer which was no upgrade, else 0.
    std::function<void(int code, const std::string& reason, int status)> closed;
  };

  virtual ~Network() = default;
  /// `path` is relative to the server's URL: "v1/poll". `alive` hears that so many bytes more of
  /// the answer have come.
  virtual Id post(std::string_view path, std::string body,
                  std::function<void(const HttpAnswer&)> done,
                  std::function<void(std::size_t bytes)> alive = {}) = 0;
  virtual Id stream(std::string_view path, std::string body, StreamHandlers handlers) = 0;
  virtual Id websocket(std::string_view path, SocketHandlers handlers) = 0;
  virtual void send_text(Id socket, std::string text) = 0;
  virtual void drop(Id id) = 0;
  /// Whether something on the way recodes bodies, so that they go in ASCII, up to three times as
  /// large. The network finds out by itself.
  virtual bool ascii() const = 0;
  /// Nothing that is kept open without being in use is used again: it may be dead.
  virtual void forget_idle() = 0;
};

}  // namespace sigway::client
