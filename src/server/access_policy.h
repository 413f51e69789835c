#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/request.h"
#include "http/response.h"
#include "net/address.h"
#include "server/origin.h"
#include "server/route_access.h"

namespace sigway::server {

struct AccessOptions {
  std::vector<std::string> public_origins = {};   // --public-origin
  std::vector<std::string> allowed_origins = {};  // --allow-origin; "*" any but null; "null" itself
  std::vector<std::string> allowed_hosts =
      {};  // --allow-host; names or literals, a port does not count
  std::vector<std::string> trusted_proxies = {};  // --trusted-proxy; addresses or ranges
};

// Who asks, as far as the connection knows it.
struct Caller {
  net::Address peer;
  bool is_tls = false;
  bool bound_to_loopback = false;  // the listening port is
};

// Where the request really came from, forwarding headers heeded when the peer is a trusted proxy.
struct Client {
  std::string address;  // IP without port
  std::string scheme;   // http or https
  std::string host;     // authority, as the client wrote it; may be empty (HTTP/1.0)
};

// The rules of docs/protocol.md, "Who may come in", as one decision on a request's head, taken
// before the body is read or anything has an effect. Thread: constant after construction, any.
class AccessPolicy {
 public:
  // Empty when every option parses; else a sentence that names the flag and the value.
  static std::optional<std::string> check_options(const AccessOptions& options);
  // Options that do not parse are ignored here.
  explicit AccessPolicy(const AccessOptions& options);

  using Headers = std::vector<std::pair<std::string, std::string>>;
  struct Decision {
    std::optional<http::Problem> refusal;
    // For every answer to this request, refusals included: `Vary: Origin`, and CORS for an allowed
    // origin.
    bool varies_by_origin = false;
    Headers headers;
  };
  // Of a route that is public only the host is checked, and every page may read the answer.
  Decision decide(const http::Request& request, const Caller& caller,
                  const RouteAccess& route) const;

  // The answer to an OPTIONS request that was not refused; `headers`, what the decision has for
  // every answer, still have to be added.
  http::Response answer_options(const http::Request& request, const Headers& headers,
                                const std::vector<http::Method>& allowed) const;

  // X-Forwarded-For is read from its end up to the first address that is no trusted proxy's. An
  // element that is no address ends the reading: the proxy that wrote it is the client then.
  Client client_of(const http::Request& request, const Caller& caller) const;
  bool is_trusted_proxy(const net::Address& address) const;

 private:
  enum class Standing : std::uint8_t { same, allowed, foreign };
  Standing standing_of(const std::string& origin, const http::Request& request,
                       const Caller& caller) const;
  std::optional<http::Problem> check_host(const http::Request& request, const Caller& caller) const;
  std::optional<http::Problem> check_without_origin(const http::Request& request,
                                                    const Caller& caller,
                                                    const RouteAccess& route) const;
  Decision admit_anyone(const http::Request& request, const Caller& caller) const;
  bool is_allowed_origin(const Origin& origin, const Caller& caller) const;

  std::vector<Origin> public_origins_;
  std::vector<Origin> allowed_origins_;
  bool allows_any_origin_ = false;   // "*"
  bool allows_null_origin_ = false;  // "null", which "*" does not cover
  std::vector<std::string> allowed_hosts_;
  std::vector<net::AddressRange> trusted_proxies_;
};

}  // namespace sigway::server
