#include "server/access_policy.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/text.h"

namespace sigway::server {

namespace {

// Bytes of a client's own text that a refusal quotes. The longest origin of a DNS name is shorter.
constexpr std::size_t kMostQuoted = 300;

http::Problem misdirected(std::string_view said) {
  const auto host = base::shortened(said, kMostQuoted);
  return {
      421, "host_refused", "This server does not answer for the host \"" + host + "\".",
      "It is bound to a loopback address, where only loopback hosts are served. Use localhost, or "
      "start sigway with --allow-host " +
          host + "."};
}

http::Problem foreign_origin(std::string_view said) {
  const auto origin = base::shortened(said, kMostQuoted);
  return {403, "origin_refused", "Pages of the origin " + origin + " may not use this server.",
          "Start sigway with --allow-origin " + origin +
              ", or, if that is this server's own address as browsers see it, with "
              "--public-origin " +
              origin + "."};
}

http::Problem foreign_site() {
  return {403, "origin_refused", "Another site's page sent this request.",
          "Ask with CORS, from an origin that sigway was started with --allow-origin for."};
}

http::Problem prefetched() {
  return {403, "origin_refused", "Prefetching is refused: asking may have effects.",
          "Ask when the answer is wanted. An origin named by --allow-origin may ask with CORS."};
}

http::Problem embedded() {
  return {
      403, "origin_refused",
      "The request looks like a page's embedded image, style or medium, and asking here has "
      "effects.",
      "Send Accept: */* and no Range. A page asks with fetch or EventSource, from this server's "
      "origin or one that sigway was started with --allow-origin for."};
}

// What the headers of a request without Origin say about the page that it is for.
struct Traces {
  const std::string* site = nullptr;  // Sec-Fetch-Site
  const std::string* mode = nullptr;  // Sec-Fetch-Mode
  const std::string* accept = nullptr;
  std::vector<const std::string*> referers;
  bool is_ahead_of_time = false;
  bool asks_for_range = false;
};

bool holds_ignoring_case(std::string_view text, std::string_view word) {
  return std::search(text.begin(), text.end(), word.begin(), word.end(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         }) != text.end();
}

Traces traces_of(const http::Request& request) {
  Traces traces;
  for (const auto& [name, value] : request.headers) {
    const std::string_view key = name;
    if (key == "accept") {
      if (traces.accept == nullptr) traces.accept = &value;
    } else if (key == "referer") {
      traces.referers.push_back(&value);
    } else if (key == "sec-fetch-site") {
      if (traces.site == nullptr) traces.site = &value;
    } else if (key == "sec-fetch-mode") {
      if (traces.mode == nullptr) traces.mode = &value;
    } else if (key == "range") {
      traces.asks_for_range = true;
    } else if (key == "sec-purpose" || key == "purpose" || key == "x-purpose" || key == "x-moz") {
      // Beside the standard's own: Chromium's and WebKit's older names, and Firefox's. WebKit says
      // "preview" for the pictures of its start page.
      for (const std::string_view word : {"prefetch", "prerender", "preview"}) {
        traces.is_ahead_of_time |= holds_ignoring_case(value, word);
      }
    }
  }
  return traces;
}

// What <img>, <link rel="stylesheet">, <video> and <audio> ask for first; a navigation's list has
// images in it too, but after text/html. <script> asks for */*, as programs do.
bool asks_for_embedded(std::string_view accept) {
  accept.remove_prefix(std::min(accept.find_first_not_of(" \t,"), accept.size()));
  for (const std::string_view type : {"image/", "text/css", "video/", "audio/"}) {
    if (http::equals_ignoring_case(accept.substr(0, type.size()), type)) return true;
  }
  return false;
}

// The origin of a Referer. Empty for one that names none, as a path or about:blank.
std::string_view origin_text(std::string_view referer) {
  const std::size_t separator = referer.find("://");
  if (separator == std::string_view::npos) return {};
  return referer.substr(0, referer.find_first_of("/?#\\", separator + 3));
}

// Takes the last element off a list that proxies append to; empty when there is none left. White
// space around an element is spaces and tabs, and empty elements do not count (RFC 9110
// section 5.6.1).
std::string_view take_last(std::string_view& list) {
  constexpr std::string_view kBetween = " \t,";
  const std::size_t end = list.find_last_not_of(kBetween);
  list = list.substr(0, end == std::string_view::npos ? 0 : end + 1);
  const std::size_t comma = list.rfind(',');
  std::string_view element = list.substr(comma == std::string_view::npos ? 0 : comma + 1);
  list.remove_suffix(element.size());
  element.remove_prefix(std::min(element.find_first_not_of(" \t"), element.size()));
  return element;
}

// "10.0.0.1", "10.0.0.1:80", "[::1]:80", "::1"
std::optional<net::Address> parse_forwarded(std::string_view text) {
  if (auto address = net::Address::parse(text)) return address;
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view port = text.substr(colon + 1);
  if (port.empty() || port.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  return net::Address::parse(text.substr(0, colon));
}

}  // namespace

std::optional<std::string> AccessPolicy::check_options(const AccessOptions& options) {
  const auto check = [](const std::vector<std::string>& values, std::string_view flag,
                        std::string_view wanted, auto&& is_good) -> std::optional<std::string> {
    for (const std::string& value : values) {
      if (is_good(value)) continue;
      return std::string(flag) + ": \"" + value + "\" is not " + std::string(wanted) + ".";
    }
    return std::nullopt;
  };
  const auto is_origin = [](const std::string& value) { return parse_origin(value).has_value(); };
  if (auto error = check(options.public_origins, "--public-origin",
                         "an origin such as https://example.org", is_origin)) {
    return error;
  }
  if (auto error = check(options.allowed_origins, "--allow-origin",
                         "an origin such as https://example.org, nor \"*\" or \"null\"",
                         [&](const std::string& value) {
                           return value == "*" || value == "null" || is_origin(value);
                         })) {
    return error;
  }
  if (auto error =
          check(options.allowed_hosts, "--allow-host", "a host name or address",
                [](const std::string& value) { return parse_authority(value).has_value(); })) {
    return error;
  }
  return check(
      options.trusted_proxies, "--trusted-proxy", "an address or a range such as 10.0.0.0/8",
      [](const std::string& value) { return net::AddressRange::parse(value).has_value(); });
}

AccessPolicy::AccessPolicy(const AccessOptions& options) {
  for (const std::string& text : options.public_origins) {
    if (auto origin = parse_origin(text)) public_origins_.push_back(std::move(*origin));
  }
  for (const std::string& text : options.allowed_origins) {
    if (text == "*") {
      allows_any_origin_ = true;
    } else if (text == "null") {
      allows_null_origin_ = true;
    } else if (auto origin = parse_origin(text)) {
      allowed_origins_.push_back(std::move(*origin));
    }
  }
  for (const std::string& text : options.allowed_hosts) {
    if (auto authority = parse_authority(text))
      allowed_hosts_.push_back(std::move(authority->host));
  }
  for (const std::string& text : options.trusted_proxies) {
    if (auto range = net::AddressRange::parse(text)) trusted_proxies_.push_back(*range);
  }
}

AccessPolicy::Decision AccessPolicy::decide(const http::Request& request, const Caller& caller,
                                            const RouteAccess& route) const {
  if (route.is_public) return admit_anyone(request, caller);
  Decision decision;
  // Caches must not hand one origin's answer to another, and the absence of Origin is a value too.
  decision.varies_by_origin = true;
  decision.refusal = check_host(request, caller);
  if (decision.refusal) return decision;

  const std::string* text = request.header("origin");
  if (!text) {
    decision.refusal = check_without_origin(request, caller, route);
    return decision;
  }
  // Two of them are nobody's.
  const auto standing = request.joined_header("origin") == *text
                            ? standing_of(*text, request, caller)
                            : Standing::foreign;
  if (standing == Standing::same) return decision;
  if (standing == Standing::foreign) {
    decision.refusal = foreign_origin(*text);
    // The page may read why, or its author would see no more than that something has failed.
    if (text->size() <= kMostQuoted && parse_origin(*text))
      decision.headers.emplace_back("Access-Control-Allow-Origin", *text);
    return decision;
  }
  decision.headers.emplace_back("Access-Control-Allow-Origin", *text);
  decision.headers.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  if (route.is_for_old_pages)
    decision.headers.emplace_back("Access-Control-Allow-Credentials", "true");
  return decision;
}

AccessPolicy::Decision AccessPolicy::admit_anyone(const http::Request& request,
                                                  const Caller& caller) const {
  Decision decision;
  decision.refusal = check_host(request, caller);
  if (decision.refusal) return decision;
  // One answer for all origins, so that caches need no Vary.
  decision.headers.emplace_back("Access-Control-Allow-Origin", "*");
  // Also into pages that isolate themselves (Cross-Origin-Embedder-Policy: require-corp).
  decision.headers.emplace_back("Cross-Origin-Resource-Policy", "cross-origin");
  return decision;
}

std::optional<http::Problem> AccessPolicy::check_host(const http::Request& request,
                                                      const Caller& caller) const {
  // A page whose name was made to point at 127.0.0.1 (DNS rebinding) still says its own name in
  // Host.
  if (!caller.bound_to_loopback) return std::nullopt;
  const std::string text = request.host();
  if (text.empty()) return std::nullopt;  // HTTP/1.0; no browser leaves it out
  const auto host = parse_authority(text);
  if (!host) return misdirected(text);
  const bool is_known =
      is_loopback_host(host->host) ||
      std::find(allowed_hosts_.begin(), allowed_hosts_.end(), host->host) != allowed_hosts_.end();
  return is_known ? std::nullopt : std::optional(misdirected(host->host));
}

// A browser names no origin with a simple GET. What else it says shows whether another site's page
// asks, or somebody before anybody wants it.
std::optional<http::Problem> AccessPolicy::check_without_origin(const http::Request& request,
                                                                const Caller& caller,
                                                                const RouteAccess& route) const {
  const bool harmless = route.is_harmless;
  const Traces traces = traces_of(request);
  if (route.is_for_old_pages && !traces.is_ahead_of_time && traces.referers.size() == 1) {
    const std::string origin(origin_text(*traces.referers.front()));
    if (!origin.empty() && standing_of(origin, request, caller) == Standing::allowed)
      return std::nullopt;
  }
  const bool is_foreign =
      traces.site != nullptr && (*traces.site == "cross-site" || *traces.site == "same-site");
  // Following a link to a page is how people arrive; it does nothing. Anything embedded stays out.
  const bool is_visit = harmless && traces.mode != nullptr && *traces.mode == "navigate";
  if (is_foreign && !is_visit) return foreign_site();
  if (traces.is_ahead_of_time) return prefetched();
  // Browsers send Fetch Metadata over HTTPS and to loopback alone (W3C Fetch Metadata section 2).
  // Where it is missing, Referer and the kind of content have to do.
  if (harmless || traces.site != nullptr) return std::nullopt;
  bool is_from_friend = false;
  for (const std::string* referer : traces.referers) {
    const std::string origin(origin_text(*referer));
    if (origin.empty()) continue;
    if (standing_of(origin, request, caller) == Standing::foreign) return foreign_origin(origin);
    is_from_friend = true;
  }
  if (is_from_friend) return std::nullopt;
  const bool is_embedded =
      traces.asks_for_range || (traces.accept != nullptr && asks_for_embedded(*traces.accept));
  return is_embedded ? std::optional(embedded()) : std::nullopt;
}

AccessPolicy::Standing AccessPolicy::standing_of(const std::string& text,
                                                 const http::Request& request,
                                                 const Caller& caller) const {
  if (text == "null") return allows_null_origin_ ? Standing::allowed : Standing::foreign;
  const auto own = client_of(request, caller).host;
  // Node's `ws` of 2013, below the client of Socket.IO 0.9, says `host:port`. No browser does.
  if (!text.empty() && text == own) return Standing::same;
  const auto origin = parse_origin(text);
  if (!origin) return Standing::foreign;
  const auto host = parse_authority(own);
  if (host && is_same_host(*origin, *host)) return Standing::same;
  return is_allowed_origin(*origin, caller) ? Standing::allowed : Standing::foreign;
}

bool AccessPolicy::is_allowed_origin(const Origin& origin, const Caller& caller) const {
  const auto holds = [&](const std::vector<Origin>& origins) {
    return std::find(origins.begin(), origins.end(), origin) != origins.end();
  };
  if (allows_any_origin_ || holds(public_origins_) || holds(allowed_origins_)) return true;
  return caller.bound_to_loopback && is_loopback_host(origin.host) &&
         (origin.scheme == "http" || origin.scheme == "https");
}

http::Response AccessPolicy::answer_options(const http::Request& request, const Headers& headers,
                                            const std::vector<http::Method>& allowed) const {
  http::Response response(204);
  std::string methods;
  for (const http::Method method : allowed) {
    methods += http::to_string(method);
    methods += ", ";
  }
  methods += "OPTIONS";
  response.set("Allow", methods);
  const bool is_cross_origin = std::any_of(headers.begin(), headers.end(), [](const auto& header) {
    return header.first == "Access-Control-Allow-Origin";
  });
  if (!is_cross_origin || !request.header("access-control-request-method")) return response;

  response.set("Access-Control-Allow-Methods", methods);
  // No header of ours needs it; whoever sends others (a tracing library) is not hindered.
  const std::string wanted = request.joined_header("access-control-request-headers");
  if (!wanted.empty()) response.set("Access-Control-Allow-Headers", wanted);
  const std::string* private_network = request.header("access-control-request-private-network");
  if (private_network && *private_network == "true") {
    response.set("Access-Control-Allow-Private-Network", "true");
  }
  response.set("Access-Control-Max-Age", "600");
  return response;
}

bool AccessPolicy::is_trusted_proxy(const net::Address& address) const {
  return std::any_of(trusted_proxies_.begin(), trusted_proxies_.end(),
                     [&](const net::AddressRange& range) { return range.contains(address); });
}

Client AccessPolicy::client_of(const http::Request& request, const Caller& caller) const {
  Client client{caller.peer.ip(), caller.is_tls ? "https" : "http", request.host()};
  if (!is_trusted_proxy(caller.peer)) return client;

  // Each proxy appends whom it heard; from the right, the first that we do not trust is the client,
  // and what is left of it was written by that client. Of an element that is no address nobody
  // knows the author: the last proxy before it counts, and nothing left of it is believed.
  const std::string chain = request.joined_header("x-forwarded-for");
  std::string_view hops = chain;
  while (const auto hop = parse_forwarded(take_last(hops))) {
    client.address = hop->ip();
    if (!is_trusted_proxy(*hop)) break;
  }
  const auto last_of = [&](std::string_view name) {
    const std::string list = request.joined_header(name);
    std::string_view rest = list;
    return std::string(take_last(rest));
  };
  const std::string scheme = last_of("x-forwarded-proto");
  if (scheme == "http" || scheme == "https") client.scheme = scheme;
  const std::string host = last_of("x-forwarded-host");
  if (parse_authority(host)) client.host = host;
  return client;
}

}  // namespace sigway::server
