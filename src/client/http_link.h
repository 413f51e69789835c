#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/endpoint.h"
#include "client/http_client.h"
#include "client/network.h"

namespace sigway::client {

/// The client's requests: every call needs a thread of the caller's. Connections are kept and used
/// again. Thread: any, several at a time.
class HttpLink {
 public:
  explicit HttpLink(const Endpoint& endpoint);
  ~HttpLink();
  HttpLink(const HttpLink&) = delete;
  HttpLink& operator=(const HttpLink&) = delete;

  /// POSTs `body` as text/plain. With `head` and `data` a success is streamed to them, and the
  /// returned answer is without body; else it is whole, and `some` hears of each part of it, of so
  /// many bytes.
  HttpAnswer post(HttpCall& call, const std::string& path, const std::string& body,
                  const std::function<void(HttpAnswer)>& head = {},
                  const std::function<void(std::string)>& data = {},
                  const std::function<void(std::size_t bytes)>& some = {});
  /// Whether bodies go in ASCII because something on the way recodes them; see Network.
  bool ascii() const noexcept { return ascii_; }
  /// Closes the connections that are kept and not in use.
  void forget_idle();

 private:
  HttpAnswer post_once(HttpCall& call, const std::string& path, std::string body,
                       const std::function<void(HttpAnswer)>& head,
                       const std::function<void(std::string)>& data,
                       const std::function<void(std::size_t bytes)>& some);
  std::unique_ptr<HttpClient> take();
  void give_back(std::unique_ptr<HttpClient> client);

  const Endpoint& endpoint_;
  std::atomic<bool> ascii_ = false;
  std::mutex mutex_;
  std::vector<std::unique_ptr<HttpClient>> idle_;
};

}  // namespace sigway::client
