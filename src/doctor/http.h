#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/endpoint.h"
#include "client/http_client.h"

namespace sigway::doctor {

/// An answer, or why there is none.
struct Answer {
  int status = 0;                                ///< 0: none
  std::map<std::string, std::string> headers{};  ///< names in lower case, the first of each
  std::string body{};
  bool complete = false;   ///< the end came, and was the end
  bool timed_out = false;  ///< nothing came any more
  std::string problem{};   ///< a phrase, where it is not complete
};

/// HTTP as a browser does it: connections are kept and used again, several at a time. The
/// certificate is not judged here (certificate.h does); nothing secret is sent. Thread: any, each
/// call blocks its own.
class Http {
 public:
  struct Request {
    std::string method = "POST";
    std::string path;  ///< with the query
    std::string body{};
    std::vector<std::pair<std::string, std::string>> headers{};
    std::chrono::milliseconds timeout{6000};  ///< without anything coming
    /// On a new connection, and those that are kept are ended before. libcurl sends a request again
    /// whose kept connection is cut before the answer, which would hide after how long it was cut.
    bool fresh = false;
    /// A success's body, as it comes; then Answer::body stays empty.
    std::function<void(const Answer& head)> on_head{};
    std::function<void(const char* bytes, std::size_t size)> on_data{};
  };

  explicit Http(const client::Endpoint& endpoint);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  Answer send(const Request& request);

 private:
  std::unique_ptr<client::HttpClient> take(bool fresh);

  const client::Endpoint& endpoint_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<client::HttpClient>> idle_;
};

}  // namespace sigway::doctor
