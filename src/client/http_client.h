#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/endpoint.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace sigway::client {

/// A request under way, as another thread may break it off: at any time, also while the connection
/// is being made. Thread: any. Lifetime: longer than the exchange that uses it.
class HttpCall {
 public:
  HttpCall() = default;
  ~HttpCall() = default;
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;
  void cancel();
  bool cancelled() const;

 private:
  friend class HttpClient;
  /// The libcurl multi handle whose wait cancel() ends; null: none.
  void waits_in(void* multi);

  mutable std::mutex mutex_;
  void* multi_ = nullptr;
  bool cancelled_ = false;
};

/// HTTP/1.1 by libcurl, one exchange at a time, through the endpoint's proxy if it has one and
/// never through another. Its connection is kept and used again; if it was closed meanwhile, a new
/// one is made. Follows no redirects, raises no signals, skips interim answers (RFC 9110 §15.2).
/// Thread: one at a time; exchange() blocks it.
class HttpClient {
 public:
  struct Options {
    std::chrono::milliseconds connect{30'000};  ///< for name, proxy and TLS handshake together
    bool verify = true;                         ///< whether the certificate has to be trusted
    bool gunzip = false;                        ///< asks for gzip and unpacks it
    /// Sees each new TLS context last.
    std::function<void(ssl_ctx_st*)> prepare_tls{};
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Head {
    int status = 0;
    Headers headers{};  ///< names in lower case
    /// The first header of that name; empty if there is none.
    std::string_view header(std::string_view name) const;
  };
  struct Request {
    std::string method = "POST";
    std::string path;  ///< with the query
    std::string body{};
    Headers headers{};
    std::chrono::milliseconds silence{900'000};  ///< without a byte either way, once connected
    bool fresh = false;                          ///< on a new connection
    std::function<void(const Head&)> on_head{};
    /// False breaks the exchange off.
    std::function<bool(std::string_view bytes)> on_data{};
  };
  enum class Problem {
    none,
    connect,
    connect_time,
    tls,
    ca_file,
    untrusted,
    request_cut,
    answer_cut,
    silence,
    other
  };
  struct Outcome {
    Problem problem = Problem::none;
    bool answered = false;  ///< by the server, or by a proxy that refuses CONNECT
    bool reused = false;    ///< the connection was one that was kept
  };

  HttpClient(const Endpoint& endpoint, Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  Outcome exchange(const Request& request, HttpCall& call);

 private:
  struct Handles;
  struct Exchange;
  void prepare(Exchange& exchange);
  Problem run(Exchange& exchange);

  const Endpoint& endpoint_;
  const Options options_;
  const std::unique_ptr<Handles> handles_;
};

/// "the connection was cut before the answer was whole"; `where`: " to example.org:443".
std::string phrase(HttpClient::Problem problem, const std::string& host_and_port = {});

/// Of ASCII letters, as header names and media types are compared.
std::string lower(std::string text);

}  // namespace sigway::client
