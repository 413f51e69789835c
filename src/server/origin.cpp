#include "server/origin.h"

#include <algorithm>
#include <charconv>

#include "base/character_set.h"
#include "net/address.h"

namespace sigway::server {

namespace {

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lowered;
}

std::uint16_t default_port(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return 80;
  if (scheme == "https" || scheme == "wss") return 443;
  return 0;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

constexpr base::CharacterSet kNameCharacters = base::alphanumeric_and("-._%");

std::optional<std::string> normalise_host(std::string_view host) {
  if (host.empty()) return std::nullopt;
  if (host.front() == '[') {
    const auto address = net::Address::parse(host);
    if (host.back() != ']' || !address || address->is_v4()) return std::nullopt;
    return "[" + address->ip() + "]";
  }
  // A dot at the end makes a name absolute (RFC 3986 section 3.2.2); it names the same host.
  if (host.back() == '.') host.remove_suffix(1);
  if (host.empty() || !base::consists_of(kNameCharacters, host)) return std::nullopt;
  return lower_case(host);
}

}  // namespace

std::optional<Authority> parse_authority(std::string_view text) {
  std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && text.find(']', colon) != std::string_view::npos) {
    colon = std::string_view::npos;  // inside an IPv6 literal
  }
  auto host = normalise_host(text.substr(0, colon));
  if (!host) return std::nullopt;
  Authority authority{std::move(*host), std::nullopt};
  if (colon == std::string_view::npos) return authority;

  const std::string_view digits = text.substr(colon + 1);
  if (digits.empty()) return authority;  // "host:" (RFC 3986 section 3.2.3)
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  authority.port = port;
  return authority;
}

std::optional<Origin> parse_origin(std::string_view text) {
  const std::size_t separator = text.find("://");
  if (separator == std::string_view::npos) return std::nullopt;
  Origin origin;
  origin.scheme = lower_case(text.substr(0, separator));
  if (!is_scheme(origin.scheme)) return std::nullopt;
  // What some web views say of a page from a file; browsers say "null".
  if (origin.scheme == "file" && text.size() == separator + 3) return origin;
  auto authority = parse_authority(text.substr(separator + 3));
  if (!authority) return std::nullopt;
  origin.host = std::move(authority->host);
  origin.port = authority->port.value_or(default_port(origin.scheme));
  return origin;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost") return true;
  const auto address = net::Address::parse(host);
  return address && address->is_loopback();
}

bool is_same_host(const Origin& origin, const Authority& host) {
  return origin.host == host.host && origin.port == host.port.value_or(default_port(origin.scheme));
}

}  // namespace sigway::server
