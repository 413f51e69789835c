#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sigway::client {

struct Url {
  bool tls = false;
  std::string host;  ///< an IPv6 address without brackets
  std::uint16_t port = 0;
  std::string path;  ///< begins and ends with a slash

  std::string host_and_port() const;  ///< as the Host header has it
};
/// An http or https URL (ws and wss mean the same). Nothing for anything else, and for one with a
/// user, a query or a fragment.
std::optional<Url> parse_url(std::string_view text);

struct Proxy {
  std::string host;
  std::uint16_t port = 0;
  std::string user, password;
};
/// "http://[user:password@]host[:port]", the scheme may be left out; port 3128 if there is none.
std::optional<Proxy> parse_proxy(std::string_view text);

/// A name of the environment to its value, empty if there is none.
using Environment = std::function<std::string(const char* name)>;
/// What http_proxy, https_proxy, all_proxy and no_proxy say about that URL; empty for no proxy.
std::string proxy_of_environment(const Url& url, const Environment& environment);

}  // namespace sigway::client
