#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/endpoint.h"
#include "client/wire.h"

namespace sigway::client {

/// One WebSocket: connects, shakes hands and passes text messages (RFC 6455, by websocketpp's frame
/// processor). run() blocks its thread until the end; send() and stop() may be called from any.
class WebSocketLink {
 public:
  struct Handlers {  ///< called by the thread of run()
    std::function<void()> open;
    std::function<void(std::string)> text;
    std::function<void(int code, std::string reason, int status)> closed;  ///< the last
  };

  explicit WebSocketLink(const Endpoint& endpoint) : endpoint_(endpoint) {}

  void run(const std::string& path, const Handlers& handlers);
  void send(std::string text);
  /// Closes it politely, if it is open, without waiting for the answer.
  void stop();

 private:
  class Conversation;
  bool stopped() const;

  const Endpoint& endpoint_;
  Wakeup wakeup_;
  mutable std::mutex mutex_;
  std::vector<std::string> texts_;
  bool stop_ = false;
};

}  // namespace sigway::client
