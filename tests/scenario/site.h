#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenario/wire.h"
#include "support/server_process.h"

namespace httplib {
class Client;
}

namespace sigway::testing {

using Json = nlohmann::json;

/// The server of one test, in the way of this run: plain or TLS, on so many shards. The environment
/// says which (SIGWAY_TEST_TLS=1, SIGWAY_TEST_SHARDS=3), and ctest runs the suite in each. A server
/// that does not end well fails its test.
class Site {
 public:
  explicit Site(std::vector<std::string> arguments = {});
  ~Site();

  static bool is_tls();  ///< whether this run's servers speak TLS

  ServerProcess& server() noexcept { return server_; }
  std::unique_ptr<Wire> connect() const;

  /// A request by cpp-httplib; status 0 if there was no answer.
  struct Answer {
    int status = 0;
    Json body;
    std::string text;
    std::map<std::string, std::string> headers;
  };
  Answer post(const std::string& path, const Json& body) const;
  Answer get(const std::string& path) const;

  /// Requests one after another on one connection.
  class Uploader {
   public:
    explicit Uploader(const Site& site);
    ~Uploader();
    Answer post(const std::string& path, const std::string& body,
                const std::string& content_type = "text/plain");
    Answer get(const std::string& path);

   private:
    std::unique_ptr<httplib::Client> client_;
  };

  /// A line of /metrics by its name (and label).
  long metric(const std::string& name) const;

 private:
  ServerProcess server_;
};

}  // namespace sigway::testing
