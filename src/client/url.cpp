#include "client/url.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sigway::client {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (auto& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

struct HostAndPort {
  std::string host;
  std::uint16_t port;
};

std::optional<HostAndPort> parse_host(std::string_view text, std::uint16_t port) {
  auto host = text;
  std::string_view digits;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = text.substr(1, end - 1);
    digits = text.substr(end + 1);
    if (!digits.empty() && digits.front() != ':') return std::nullopt;
  } else if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    digits = text.substr(colon);
  }
  if (!digits.empty()) {
    digits.remove_prefix(1);
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (result.ec != std::errc{} || result.ptr != digits.data() + digits.size() || port == 0)
      return std::nullopt;
  }
  constexpr std::string_view kForbidden = " \t\r\n\"<>\\^`{|}/?#@%[]";
  if (host.empty() || host.find_first_of(kForbidden) != std::string_view::npos) return std::nullopt;
  return HostAndPort{lower(host), port};
}

// In a user or a password %XX stands for a byte.
std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ptr ==
            text.data() + i + 3) {
      result += static_cast<char>(byte);
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

bool is_exempt(const Url& url, std::string_view list) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto each = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    if (each == "*") return true;
    const auto parsed = parse_host(each.starts_with('.') ? each.substr(1) : each, 0);
    if (!parsed || (parsed->port != 0 && parsed->port != url.port)) continue;
    if (url.host == parsed->host || url.host.ends_with('.' + parsed->host)) return true;
  }
  return false;
}

}  // namespace

std::string Url::host_and_port() const {
  auto text = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (port != (tls ? 443 : 80)) text += ':' + std::to_string(port);
  return text;
}

std::optional<Url> parse_url(std::string_view text) {
  const auto scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos) return std::nullopt;
  const auto scheme = lower(text.substr(0, scheme_end));
  Url url;
  url.tls = scheme == "https" || scheme == "wss";
  if (!url.tls && scheme != "http" && scheme != "ws") return std::nullopt;
  text.remove_prefix(scheme_end + 3);
  if (text.find_first_of("?# \t\r\n") != std::string_view::npos) return std::nullopt;
  const auto slash = text.find('/');
  const auto parsed = parse_host(text.substr(0, slash), url.tls ? 443 : 80);
  if (!parsed) return std::nullopt;
  url.host = parsed->host;
  url.port = parsed->port;
  url.path = slash == std::string_view::npos ? "/" : std::string(text.substr(slash));
  if (!url.path.ends_with('/')) url.path += '/';
  return url;
}

std::optional<Proxy> parse_proxy(std::string_view text) {
  if (const auto scheme_end = text.find("://"); scheme_end != std::string_view::npos) {
    if (lower(text.substr(0, scheme_end)) != "http") return std::nullopt;
    text.remove_prefix(scheme_end + 3);
  }
  Proxy proxy;
  if (const auto at = text.rfind('@'); at != std::string_view::npos) {
    const auto login = text.substr(0, at);
    const auto colon = login.find(':');
    proxy.user = decoded(login.substr(0, colon));
    if (colon != std::string_view::npos) proxy.password = decoded(login.substr(colon + 1));
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  const auto parsed = parse_host(text, 3128);
  if (!parsed) return std::nullopt;
  proxy.host = parsed->host;
  proxy.port = parsed->port;
  return proxy;
}

std::string proxy_of_environment(const Url& url, const Environment& environment) {
  const auto first_of = [&](std::initializer_list<const char*> names) {
    for (const auto* const name : names) {
      if (auto value = environment(name); !value.empty()) return value;
    }
    return std::string{};
  };
  if (is_exempt(url, first_of({"no_proxy", "NO_PROXY"}))) return {};
  // HTTP_PROXY may have been set by a stranger: in CGI it is the request header "Proxy".
  return url.tls ? first_of({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
                 : first_of({"http_proxy", "all_proxy", "ALL_PROXY"});
}

}  // namespace sigway::client
