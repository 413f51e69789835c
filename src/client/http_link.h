#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/endpoint.h"
#include "client/network.h"

namespace sigway::client {

/// A request under way, as another thread may break it off: at any time, also while the connection
/// is being made, which cpp-httplib's own stop() would wait for.
class HttpCall {
 public:
  HttpCall() = default;
  ~HttpCall();
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;
  void cancel();
  bool cancelled() const;
  /// The call now uses that socket.
  void uses(int descriptor);

 private:
  mutable std::mutex mutex_;
  int descriptor_ = -1;  // a duplicate, so that it cannot have come to mean something else
  bool cancelled_ = false;
};

/// HTTP by cpp-httplib, which blocks: every call needs a thread of the caller's. Connections are
/// kept and used again. Thread: any, several at a time.
class HttpLink {
 public:
  explicit HttpLink(const Endpoint& endpoint);
  ~HttpLink();
  HttpLink(const HttpLink&) = delete;
  HttpLink& operator=(const HttpLink&) = delete;

  /// POSTs `body` as text/plain. With `head` and `data` a success is streamed to them, and the
  /// returned answer is without body; else it is whole, and `some` is called whenever a part of it
  /// has come.
  HttpAnswer post(HttpCall& call, const std::string& path, const std::string& body,
                  const std::function<void(HttpAnswer)>& head = {},
                  const std::function<void(std::string)>& data = {},
                  const std::function<void()>& some = {});

 private:
  struct Connection;
  std::unique_ptr<Connection> take();
  void give_back(std::unique_ptr<Connection> connection);

  const Endpoint& endpoint_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace sigway::client
