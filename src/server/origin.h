#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sigway::server {

// A web origin, normalised: lower case, default ports filled in, IPv6 in brackets and canonical
// (RFC 6454 section 4), one dot at the end of the host left out.
struct Origin {
  std::string scheme;
  std::string host;
  std::uint16_t port = 0;  // 0: the scheme has none

  friend bool operator==(const Origin&, const Origin&) = default;
};

// What a Host header or the middle of a URL names.
struct Authority {
  std::string host;  // normalised like an origin's
  std::optional<std::uint16_t> port;
};

// "https://example.org:8443"; no path, not "null".
std::optional<Origin> parse_origin(std::string_view text);
std::optional<Authority> parse_authority(std::string_view text);

// localhost, 127.0.0.0/8 or [::1].
bool is_loopback_host(std::string_view normalised_host);

// Host and port agree, whatever the schemes: a missing port is the origin's default, so that a page
// from https://example.org behind a proxy matches `Host: example.org`.
bool is_same_host(const Origin& origin, const Authority& host);

}  // namespace sigway::server
