// One test for each sentence of "Who may come in".
#include "server/access_policy.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace sigway;
using namespace sigway::server;

namespace {

using Headers = std::vector<http::Header>;

http::Request request_with(Headers headers, const std::string& host = "example.org") {
  http::Request request;
  request.method = http::Method::get;
  request.path = "/v1/poll";
  if (!host.empty()) request.headers.push_back({"host", host});
  for (auto& header : headers) request.headers.push_back(std::move(header));
  return request;
}

Caller caller_at(const std::string& ip, bool bound_to_loopback = false, bool tls = false) {
  return {*net::Address::parse(ip), tls, bound_to_loopback};
}

const Caller kPublic = caller_at("198.51.100.1");
const Caller kLoopback = caller_at("127.0.0.1", true);

// The status of the refusal, or 200.
int decide(const AccessOptions& options, const http::Request& request,
           const Caller& caller = kPublic, bool harmless = false) {
  const auto decision = AccessPolicy(options).decide(request, caller, {.is_harmless = harmless});
  return decision.refusal ? decision.refusal->status : 200;
}

int from_origin(const std::string& origin, const std::string& host,
                const AccessOptions& options = {}, const Caller& caller = kPublic) {
  return decide(options, request_with({{"origin", origin}}, host), caller);
}

std::string header_of(const AccessPolicy::Decision& decision, const std::string& name) {
  if (name == "Vary" && decision.varies_by_origin) return "Origin";
  for (const auto& [key, value] : decision.headers) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace

TEST_CASE("an Origin that is Host itself, without a scheme, is no browser's") {
  CHECK(from_origin("example.org:8080", "example.org:8080") == 200);
  CHECK(from_origin("example.org", "example.org") == 200);
  CHECK(from_origin("example.org", "example.org:8080") == 403);
  CHECK(from_origin("other.org", "example.org") == 403);
  CHECK(from_origin("", "") == 403);
}

TEST_CASE("same origin: host and port equal Host, default ports normalised, scheme ignored") {
  CHECK(from_origin("http://example.org", "example.org") == 200);
  CHECK(from_origin("https://example.org", "example.org") == 200);
  CHECK(from_origin("https://example.org", "example.org:443") == 200);
  CHECK(from_origin("http://example.org:80", "example.org") == 200);
  CHECK(from_origin("http://EXAMPLE.org:8080", "Example.ORG:8080") == 200);
  CHECK(from_origin("https://example.org:8080", "example.org:8080") == 200);
  CHECK(from_origin("http://[2001:db8::1]:80", "[2001:0db8::1]") == 200);
  CHECK(from_origin("http://example.org:8080", "example.org") == 403);
  CHECK(from_origin("http://example.org", "example.org:8080") == 403);
  CHECK(from_origin("http://example.org", "example.org:443") == 403);
  CHECK(from_origin("http://sub.example.org", "example.org") == 403);
  CHECK(from_origin("http://example.org.evil.net", "example.org") == 403);
  CHECK(from_origin("http://example.org@evil.net", "example.org") == 403);
}

TEST_CASE("same origin is also a --public-origin") {
  const AccessOptions options{.public_origins = {"https://call.example.org"}};
  CHECK(from_origin("https://call.example.org", "10.0.0.5:8080", options) == 200);
  CHECK(from_origin("https://call.example.org:443", "10.0.0.5:8080", options) == 200);
  CHECK(from_origin("http://call.example.org", "10.0.0.5:8080", options) == 403);
}

TEST_CASE("others by --allow-origin, exactly, or all of them by *") {
  const AccessOptions one{.allowed_origins = {"https://app.example.net", "capacitor://localhost"}};
  CHECK(from_origin("https://app.example.net", "example.org", one) == 200);
  CHECK(from_origin("capacitor://localhost", "example.org", one) == 200);
  CHECK(from_origin("https://app.example.net:8443", "example.org", one) == 403);
  CHECK(from_origin("https://other.example.net", "example.org", one) == 403);
  const AccessOptions all{.allowed_origins = {"*"}};
  CHECK(from_origin("https://whoever.example.com", "example.org", all) == 200);
  CHECK(from_origin("not an origin", "example.org", all) == 403);
}

TEST_CASE("null only if listed; * does not list it") {
  CHECK(from_origin("null", "example.org") == 403);
  CHECK(from_origin("null", "example.org", {.allowed_origins = {"*"}}) == 403);
  CHECK(from_origin("null", "example.org", {.allowed_origins = {"null"}}) == 200);
  CHECK(from_origin("null", "localhost", {}, kLoopback) == 403);
}

TEST_CASE("malformed and repeated origins are refused") {
  for (const char* bad : {"", "example.net", "http://", "http://a/b", "http://a b",
                          "http://a:99999", "http://a:8o", "://a", "http://[::1", "ht tp://a"}) {
    CAPTURE(bad);
    CHECK(from_origin(bad, "example.org", {.allowed_origins = {"*"}}) == 403);
  }
  const auto twice =
      request_with({{"origin", "http://example.org:81"}, {"origin", "http://b.net"}});
  CHECK(decide({.allowed_origins = {"*"}}, twice) == 403);
}

TEST_CASE("an absent Origin is allowed, except where a browser says that another site asks") {
  CHECK(decide({}, request_with({})) == 200);
  CHECK(decide({}, request_with({{"sec-fetch-site", "same-origin"}})) == 200);
  CHECK(decide({}, request_with({{"sec-fetch-site", "none"}})) == 200);
  CHECK(decide({}, request_with({{"sec-fetch-site", "cross-site"}})) == 403);
  CHECK(decide({}, request_with({{"sec-fetch-site", "same-site"}})) == 403);
  CHECK(decide({.allowed_origins = {"*"}}, request_with({{"sec-fetch-site", "cross-site"}})) ==
        403);
  CHECK(decide({}, request_with({{"sec-purpose", "prefetch"}})) == 403);
  CHECK(decide({}, request_with({{"sec-purpose", "prefetch;prerender"}})) == 403);
  // With an Origin that is allowed, those headers are only to be expected.
  const auto allowed = request_with({{"origin", "http://a.net"}, {"sec-fetch-site", "cross-site"}});
  CHECK(decide({.allowed_origins = {"http://a.net"}}, allowed) == 200);
}

TEST_CASE("what a browser asks for ahead of time is refused by whichever name it says so") {
  for (const auto& row : Headers{{"sec-purpose", "prefetch;prerender"},
                                 {"purpose", "prefetch"},
                                 {"purpose", "Prefetch"},
                                 {"x-purpose", "prefetch"},
                                 {"x-purpose", "preview"},
                                 {"x-moz", "prefetch"}}) {
    const auto& name = row.name;
    const auto& value = row.value;
    CAPTURE(name);
    CHECK(decide({}, request_with({{name, value}})) == 403);
    CHECK(decide({}, request_with({{name, value}}, "localhost"), kLoopback) == 403);
    CHECK(decide({}, request_with({{name, "other"}, {name, value}})) == 403);
    CHECK(decide({}, request_with({{name, value}}), kPublic, true) == 403);
  }
  CHECK(decide({}, request_with({{"purpose", "visit"}})) == 200);
}

TEST_CASE("without Fetch Metadata a foreign Referer is judged as a foreign Origin") {
  const auto by = [](const std::string& referer, const AccessOptions& options = {},
                     const Caller& caller = kPublic, const std::string& host = "lan.test:8080") {
    return decide(options, request_with({{"referer", referer}, {"accept", "*/*"}}, host), caller);
  };
  for (const char* bad :
       {"http://evil.net/", "http://evil.net", "https://evil.net/page?a=http://lan.test:8080/",
        "http://evil.net?http://lan.test:8080/", "http://evil.net#x",
        "http://evil.net\\@lan.test:8080/", "http://lan.test/", "http://lan.test:8081/r/x",
        "http://lan.test:8080@evil.net/", "http://user@lan.test:8080/", "http://", "http:///",
        "android-app://com.example.chat/", "null://"}) {
    CAPTURE(bad);
    CHECK(by(bad) == 403);
  }
  for (const char* good : {"http://lan.test:8080/", "http://LAN.test:8080/r/x?y#z",
                           "https://lan.test.:8080", "", "about:blank", "/r/x"}) {
    CAPTURE(good);
    CHECK(by(good) == 200);
  }
  CHECK(by("https://app.net/a", {.allowed_origins = {"https://app.net"}}) == 200);
  CHECK(by("https://app.net/a", {.allowed_origins = {"*"}}) == 200);
  CHECK(by("https://app.net/a", {.public_origins = {"https://app.net"}}) == 200);
  CHECK(by("http://localhost:3000/", {}, kLoopback, "localhost:8080") == 200);
  CHECK(by("http://evil.net/", {}, kLoopback, "localhost:8080") == 403);
  const auto two = request_with({{"referer", "http://example.org/"}, {"referer", "http://b.net/"}});
  CHECK(decide({}, two) == 403);
  // Behind a proxy, the host that the browser asked.
  const auto forwarded =
      request_with({{"referer", "https://a.net/"}, {"x-forwarded-host", "a.net"}}, "10.0.0.5");
  CHECK(decide({.trusted_proxies = {"10.0.0.0/8"}}, forwarded, caller_at("10.1.1.1")) == 200);
  CHECK(decide({}, forwarded, caller_at("10.1.1.1")) == 403);
  // A page may be linked to from anywhere.
  CHECK(decide({}, request_with({{"referer", "http://evil.net/"}}), kPublic, true) == 200);
  // What Fetch Metadata says goes before.
  const auto own = request_with({{"sec-fetch-site", "same-origin"}, {"referer", "http://b.net/"}});
  CHECK(decide({}, own) == 200);
}

TEST_CASE("without Fetch Metadata and Referer, what a page embeds shows by Accept and Range") {
  const auto asking = [](const std::string& accept, bool harmless = false) {
    return decide({}, request_with({{"accept", accept}}), kPublic, harmless);
  };
  // Chromium, Firefox, older Firefox, Safari: images; then style sheets, video and audio.
  for (const char* embedded :
       {"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",
        "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", "image/webp,*/*",
        "image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,"
        "image/svg+xml,image/*;q=0.8,*/*;q=0.5",
        "text/css,*/*;q=0.1",
        "video/webm,video/ogg,video/*;q=0.9,application/ogg;q=0.7,audio/*;q=0.6,*/*;q=0.5",
        "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6",
        " ,Image/PNG"}) {
    CAPTURE(embedded);
    CHECK(asking(embedded) == 403);
    CHECK(asking(embedded, true) == 200);
    // The page's own, or allowed, images are not another site's.
    CHECK(decide({}, request_with({{"accept", embedded}, {"referer", "http://example.org/r/x"}})) ==
          200);
    CHECK(decide({}, request_with({{"accept", embedded}, {"sec-fetch-site", "same-origin"}})) ==
          200);
    // A Referer without an origin says nothing.
    CHECK(decide({}, request_with({{"accept", embedded}, {"referer", "about:blank"}})) == 403);
  }
  // Navigations, EventSource, fetch and scripts, curl.
  for (const char* other :
       {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,"
        "*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/event-stream",
        "*/*", "", "application/json", "imageless/x"}) {
    CAPTURE(other);
    CHECK(asking(other) == 200);
  }
  CHECK(decide({}, request_with({})) == 200);
  // Chromium's and Safari's media elements accept anything, and ask for a range.
  CHECK(decide({}, request_with({{"accept", "*/*"}, {"range", "bytes=0-"}})) == 403);
  CHECK(decide({}, request_with({{"accept", "*/*"}, {"range", "bytes=0-"}}), kPublic, true) == 200);
}

TEST_CASE(
    "a person may follow a link from another site to a page, and to nothing that has an effect") {
  const Headers link = {{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "navigate"}};
  CHECK(decide({}, request_with(link), kPublic, true) == 200);
  CHECK(decide({}, request_with(link), kPublic, false) == 403);
  CHECK(decide({}, request_with({{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "no-cors"}}),
               kPublic, true) == 403);
  CHECK(decide({}, request_with({{"origin", "http://evil.net"}}), kPublic, true) == 403);
}

TEST_CASE("bound to loopback, Host must be loopback, localhost or an --allow-host, else 421") {
  const auto host = [](const std::string& name, const Caller& caller,
                       const AccessOptions& options = {}) {
    return decide(options, request_with({}, name), caller);
  };
  for (const char* good : {"localhost", "localhost:8080", "LocalHost", "127.0.0.1", "127.9.9.9:1",
                           "[::1]", "[::1]:8080"}) {
    CAPTURE(good);
    CHECK(host(good, kLoopback) == 200);
  }
  for (const char* bad : {"example.org", "rebind.evil.net:8080", "localhost.evil.net", "10.0.0.1",
                          "[2001:db8::1]", "127.0.0.1.evil.net"}) {
    CAPTURE(bad);
    CHECK(host(bad, kLoopback) == 421);
    CHECK(host(bad, kPublic) == 200);
  }
  CHECK(host("dev.test:8080", kLoopback, {.allowed_hosts = {"dev.test"}}) == 200);
  CHECK(host("", kLoopback) == 200);  // HTTP/1.0
}

TEST_CASE("one dot at the end of a host does not count, wherever hosts are compared") {
  CHECK(decide({}, request_with({}, "localhost."), kLoopback) == 200);
  CHECK(decide({}, request_with({}, "LocalHost.:8080"), kLoopback) == 200);
  CHECK(decide({}, request_with({}, "127.0.0.1."), kLoopback) == 200);
  for (const char* bad : {"localhost..", ".", "..", "localhost.evil.net.", "evil.net."}) {
    CAPTURE(bad);
    CHECK(decide({}, request_with({}, bad), kLoopback) == 421);
  }
  CHECK(from_origin("https://example.org", "example.org.") == 200);
  CHECK(from_origin("https://example.org.", "example.org") == 200);
  CHECK(from_origin("https://example.org.:443", "example.org.") == 200);
  CHECK(from_origin("https://example.org.", "example.org..") == 403);
  CHECK(from_origin("https://example.org.evil.net", "example.org.") == 403);
  CHECK(from_origin("http://localhost.:3000", "localhost", {}, kLoopback) == 200);
  CHECK(from_origin("https://a.net.", "example.org", {.allowed_origins = {"https://a.net"}}) ==
        200);
  CHECK(from_origin("https://a.net", "example.org", {.allowed_origins = {"https://a.net."}}) ==
        200);
  CHECK(from_origin("https://a.net.", "10.0.0.5", {.public_origins = {"https://a.net"}}) == 200);
  CHECK(decide({.allowed_hosts = {"dev.test"}}, request_with({}, "dev.test.:80"), kLoopback) ==
        200);
  CHECK(decide({.allowed_hosts = {"dev.test."}}, request_with({}, "dev.test"), kLoopback) == 200);
  // The host that a trusted proxy names.
  const AccessOptions proxied{.trusted_proxies = {"10.0.0.0/8"}};
  const auto forwarded =
      request_with({{"origin", "https://a.net"}, {"x-forwarded-host", "a.net."}}, "10.0.0.5");
  CHECK(decide(proxied, forwarded, caller_at("10.1.1.1")) == 200);
}

TEST_CASE("localhost origins are allowed when bound to loopback, otherwise not") {
  for (const char* origin : {"http://localhost:3000", "https://localhost", "http://127.0.0.1:5173",
                             "http://[::1]:3000"}) {
    CAPTURE(origin);
    CHECK(from_origin(origin, "localhost:8080", {}, kLoopback) == 200);
    CHECK(from_origin(origin, "example.org", {}, kPublic) == 403);
  }
  CHECK(from_origin("http://localhost.evil.net", "localhost:8080", {}, kLoopback) == 403);
  CHECK(from_origin("http://evil.net", "localhost:8080", {}, kLoopback) == 403);
}

TEST_CASE("X-Forwarded-* counts only from a --trusted-proxy") {
  const AccessPolicy policy({.trusted_proxies = {"10.0.0.0/8", "::1"}});
  const auto request = request_with({{"x-forwarded-for", "1.1.1.1, 192.0.2.9, 10.2.2.2"},
                                     {"x-forwarded-proto", "https"},
                                     {"x-forwarded-host", "call.example.org"}},
                                    "10.0.0.5:8080");
  const Client trusted = policy.client_of(request, caller_at("10.1.1.1"));
  CHECK(trusted.address == "192.0.2.9");
  CHECK(trusted.scheme == "https");
  CHECK(trusted.host == "call.example.org");
  const Client stranger = policy.client_of(request, caller_at("203.0.113.1"));
  CHECK(stranger.address == "203.0.113.1");
  CHECK(stranger.scheme == "http");
  CHECK(stranger.host == "10.0.0.5:8080");
  CHECK(policy.client_of(request_with({}), caller_at("10.1.1.1")).address == "10.1.1.1");
  CHECK(policy
            .client_of(request_with({{"x-forwarded-for", "junk, [2001:db8::1]:99"}}),
                       caller_at("::1", true, true))
            .address == "2001:db8::1");

  http::Request browser = request;
  browser.headers.push_back({"origin", "https://call.example.org"});
  CHECK_FALSE(policy.decide(browser, caller_at("10.1.1.1"), {}).refusal.has_value());
  CHECK(policy.decide(browser, caller_at("203.0.113.1"), {}).refusal.has_value());
}

TEST_CASE("X-Forwarded-For is a list: white space, empty elements, and what is no address") {
  const AccessPolicy policy({.trusted_proxies = {"10.0.0.0/8"}});
  const auto client_by = [&](Headers headers) {
    return policy.client_of(request_with(std::move(headers)), caller_at("10.1.1.1")).address;
  };
  struct Row {
    const char* list;
    const char* client;
  };
  for (const auto& row : std::vector<Row>{
           {"192.0.2.9", "192.0.2.9"},
           {"192.0.2.9,", "192.0.2.9"},
           {"192.0.2.9, ,\t,", "192.0.2.9"},
           {"192.0.2.9,,10.2.2.2", "192.0.2.9"},
           {",192.0.2.9", "192.0.2.9"},
           {"\t192.0.2.9\t", "192.0.2.9"},
           {"1.1.1.1,\t192.0.2.9\t,\t10.2.2.2", "192.0.2.9"},
           {"1.1.1.1 \t, \t 192.0.2.9:4711 \t", "192.0.2.9"},
           {"[2001:db8::1]:99\t", "2001:db8::1"},
           {"10.3.3.3, 10.2.2.2", "10.3.3.3"},
           // Nothing left of what is no address is believed.
           {"192.0.2.9, junk", "10.1.1.1"},
           {"192.0.2.9, unknown, 10.2.2.2", "10.2.2.2"},
           {"192.0.2.9, junk, 10.3.3.3,\t10.2.2.2,", "10.3.3.3"},
           {"192.0.2.9, 198.51.100.7:junk", "10.1.1.1"},
           {"192.0.2.9, 198.51.100.7:", "10.1.1.1"},
           {"192.0.2.9 198.51.100.7", "10.1.1.1"},
           {"", "10.1.1.1"},
           {" ,\t, ", "10.1.1.1"},
       }) {
    const auto& list = row.list;
    const auto& client = row.client;
    CAPTURE(list);
    CHECK(client_by({{"x-forwarded-for", list}}) == client);
  }
  // Several lines are one list.
  CHECK(client_by({{"x-forwarded-for", "192.0.2.9"}, {"x-forwarded-for", ""}}) == "192.0.2.9");
  CHECK(client_by({{"x-forwarded-for", "192.0.2.9"}, {"x-forwarded-for", "10.2.2.2"}}) ==
        "192.0.2.9");
}

TEST_CASE("X-Forwarded-Proto and X-Forwarded-Host are lists, too") {
  const AccessPolicy policy({.trusted_proxies = {"10.0.0.0/8"}});
  for (const auto& row : std::vector<std::pair<const char*, const char*>>{
           {"https", "a.net"},
           {"http,\thttps", "b.net,\ta.net"},
           {"https,", "a.net, ,"},
           {"\thttps\t", "\ta.net\t"},
       }) {
    const auto& scheme = row.first;
    const auto& host = row.second;
    CAPTURE(scheme);
    const auto client =
        policy.client_of(request_with({{"x-forwarded-proto", scheme}, {"x-forwarded-host", host}}),
                         caller_at("10.1.1.1"));
    CHECK(client.scheme == "https");
    CHECK(client.host == "a.net");
  }
  const auto junk = policy.client_of(
      request_with({{"x-forwarded-proto", "https, gopher"}, {"x-forwarded-host", "a.net, b/c"}}),
      caller_at("10.1.1.1"));
  CHECK(junk.scheme == "http");
  CHECK(junk.host == "example.org");
}

TEST_CASE("OPTIONS is answered too, private-network preflight included") {
  const AccessPolicy policy({.allowed_origins = {"https://app.example.net"}});
  auto request = request_with({{"origin", "https://app.example.net"},
                               {"access-control-request-method", "POST"},
                               {"access-control-request-headers", "x-trace"},
                               {"access-control-request-private-network", "true"}});
  const auto decision = policy.decide(request, kPublic, {});
  REQUIRE_FALSE(decision.refusal.has_value());
  CHECK(header_of(decision, "Access-Control-Allow-Origin") == "https://app.example.net");
  CHECK(header_of(decision, "Vary") == "Origin");
  const auto allowed = {http::Method::get, http::Method::post};
  const auto response = policy.answer_options(request, decision.headers, allowed);
  CHECK(response.status() == 204);
  CHECK(*response.header("access-control-allow-methods") == "GET, POST, OPTIONS");
  CHECK(*response.header("access-control-allow-headers") == "x-trace");
  CHECK(*response.header("access-control-allow-private-network") == "true");

  // Same origin, or no preflight at all: only Allow.
  request = request_with({{"access-control-request-method", "POST"}});
  const auto plain =
      policy.answer_options(request, policy.decide(request, kPublic, {}).headers, allowed);
  CHECK(plain.header("access-control-allow-methods") == std::nullopt);
  CHECK(*plain.header("allow") == "GET, POST, OPTIONS");
}

TEST_CASE("pages of old ask with credentials, and by script with a Referer") {
  const AccessPolicy policy({.allowed_origins = {"https://a.net"}});
  const RouteAccess old{.is_for_old_pages = true};
  const auto status = [&](const Headers& headers, const RouteAccess& route) {
    const auto decision = policy.decide(request_with(headers), kPublic, route);
    return decision.refusal ? decision.refusal->status : 200;
  };
  const auto named = policy.decide(request_with({{"origin", "https://a.net"}}), kPublic, old);
  CHECK(header_of(named, "Access-Control-Allow-Credentials") == "true");
  const auto other = policy.decide(request_with({{"origin", "https://a.net"}}), kPublic, {});
  CHECK(header_of(other, "Access-Control-Allow-Credentials") == "");

  const Headers script{{"sec-fetch-site", "cross-site"},
                       {"sec-fetch-mode", "no-cors"},
                       {"referer", "https://a.net/page"}};
  CHECK(status(script, old) == 200);
  CHECK(status(script, {}) == 403);
  CHECK(status({{"sec-fetch-site", "cross-site"}, {"referer", "https://b.net/"}}, old) == 403);
  CHECK(status({{"sec-fetch-site", "cross-site"}}, old) == 403);
  CHECK(status({{"sec-fetch-site", "cross-site"},
                {"referer", "https://a.net/"},
                {"referer", "https://b.net/"}},
               old) == 403);
  CHECK(status({{"sec-purpose", "prefetch"}, {"referer", "https://a.net/"}}, old) == 403);
}

TEST_CASE("an answer names the origin it is for; a refused page may read why it is") {
  const AccessPolicy policy({.allowed_origins = {"*"}});
  const auto foreign = policy.decide(request_with({{"origin", "https://a.net"}}), kPublic, {});
  CHECK(header_of(foreign, "Access-Control-Allow-Origin") == "https://a.net");
  const auto same = policy.decide(request_with({{"origin", "https://example.org"}}), kPublic, {});
  CHECK(header_of(same, "Access-Control-Allow-Origin") == "");
  CHECK(header_of(same, "Vary") == "Origin");
  const auto refused =
      AccessPolicy({}).decide(request_with({{"origin", "https://a.net"}}), kPublic, {});
  CHECK(refused.refusal);
  CHECK(header_of(refused, "Access-Control-Allow-Origin") == "https://a.net");
  CHECK(header_of(refused, "Vary") == "Origin");
  const auto garbage = AccessPolicy({}).decide(request_with({{"origin", "a\tb"}}), kPublic, {});
  CHECK(garbage.refusal);
  CHECK(header_of(garbage, "Access-Control-Allow-Origin") == "");
}

TEST_CASE("a refusal quotes only the beginning of a long origin or host") {
  const std::string longest = "https://" + std::string(253, 'a') + ":65535";
  const AccessPolicy policy({});
  const auto quoted = policy.decide(request_with({{"origin", longest}}), kPublic, {});
  REQUIRE(quoted.refusal);
  CHECK(quoted.refusal->hint.find(longest) != std::string::npos);
  CHECK(header_of(quoted, "Access-Control-Allow-Origin") == longest);
  const auto cut =
      policy.decide(request_with({{"origin", "https://" + std::string(9000, 'a')}}), kPublic, {});
  REQUIRE(cut.refusal);
  CHECK(cut.refusal->message.size() + cut.refusal->hint.size() < 1500);
  CHECK(header_of(cut, "Access-Control-Allow-Origin") == "");
  const auto host = policy.decide(request_with({{"host", std::string(9000, 'a')}}), kLoopback, {});
  REQUIRE(host.refusal);
  CHECK(host.refusal->message.size() + host.refusal->hint.size() < 1500);
}

TEST_CASE("pages of apps can be allowed by the origins that they say") {
  for (const std::string origin :
       {"capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://obsidian.md",
        "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb", "vscode-webview://0l1d2k3",
        "file://", "http://[2001:db8::1]:8080"}) {
    INFO(origin);
    const auto request = request_with({{"origin", origin}});
    CHECK_FALSE(AccessPolicy({.allowed_origins = {origin}}).decide(request, kPublic, {}).refusal);
    CHECK_FALSE(AccessPolicy({.allowed_origins = {"*"}}).decide(request, kPublic, {}).refusal);
    CHECK(AccessPolicy({}).decide(request, kPublic, {}).refusal);
    CHECK_FALSE(AccessPolicy::check_options({.allowed_origins = {origin}}));
  }
}

TEST_CASE("what is for everybody is given to every page, and only to hosts that are served") {
  const AccessPolicy policy({.allowed_origins = {"https://app.example.net"}});
  for (const Headers& headers :
       {Headers{}, Headers{{"origin", "https://evil.example.com"}},
        Headers{{"origin", "https://app.example.net"}}, Headers{{"origin", "null"}},
        Headers{{"sec-fetch-site", "cross-site"}, {"sec-fetch-mode", "no-cors"}},
        Headers{{"sec-fetch-site", "same-site"}, {"sec-purpose", "prefetch"}}}) {
    const auto decision = policy.decide(request_with(headers), kPublic, {.is_public = true});
    CHECK_FALSE(decision.refusal.has_value());
    CHECK(header_of(decision, "Access-Control-Allow-Origin") == "*");
    CHECK(header_of(decision, "Cross-Origin-Resource-Policy") == "cross-origin");
  }
  const auto rebinding =
      policy.decide(request_with({}, "evil.example.com"), kLoopback, {.is_public = true});
  REQUIRE(rebinding.refusal.has_value());
  CHECK(rebinding.refusal->status == 421);
  CHECK(header_of(rebinding, "Access-Control-Allow-Origin") == "");
}

TEST_CASE("a refusal's hint names the flag that would allow it") {
  const AccessPolicy policy({});
  const auto hint = [&](const http::Request& request, const Caller& caller) {
    const auto decision = policy.decide(request, caller, {});
    return decision.refusal ? decision.refusal->hint : std::string();
  };
  CHECK(hint(request_with({{"origin", "https://a.net"}}), kPublic)
            .find("--allow-origin https://a.net") != std::string::npos);
  CHECK(hint(request_with({{"origin", "null"}}), kPublic).find("--allow-origin null") !=
        std::string::npos);
  CHECK(hint(request_with({}, "evil.net:1"), kLoopback).find("--allow-host evil.net") !=
        std::string::npos);
  CHECK(hint(request_with({{"referer", "https://a.net/page"}}), kPublic)
            .find("--allow-origin https://a.net,") != std::string::npos);
  CHECK(hint(request_with({{"accept", "image/png"}}), kPublic).find("--allow-origin") !=
        std::string::npos);
  CHECK(hint(request_with({{"sec-fetch-site", "cross-site"}}), kPublic).find("--allow-origin") !=
        std::string::npos);
}

TEST_CASE("options that do not parse are named") {
  CHECK_FALSE(AccessPolicy::check_options({.public_origins = {"https://a.net"},
                                           .allowed_origins = {"*", "null", "http://b.net:1"},
                                           .allowed_hosts = {"c.net", "[::1]"},
                                           .trusted_proxies = {"10.0.0.0/8", "::1"}})
                  .has_value());
  CHECK(AccessPolicy::check_options({.allowed_origins = {"a.net"}}) ==
        "--allow-origin: \"a.net\" is not an origin such as https://example.org, nor \"*\" or "
        "\"null\".");
  CHECK(AccessPolicy::check_options({.public_origins = {"*"}})
            .value_or("")
            .starts_with("--public-origin"));
  CHECK(AccessPolicy::check_options({.allowed_hosts = {"a/b"}})
            .value_or("")
            .starts_with("--allow-host"));
  CHECK(AccessPolicy::check_options({.trusted_proxies = {"10.0.0.0/33"}})
            .value_or("")
            .starts_with("--trusted-proxy"));
}
