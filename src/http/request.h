#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sigway::http {

enum class Method : std::uint8_t { get, head, post, put, del, options, patch, other };
std::string_view to_string(Method method);

struct Header {
  std::string name;   // lower case
  std::string value;  // without surrounding white space
};

// One request, as it was received: a value. Header and parameter names may repeat, in order.
struct Request {
  Method method = Method::other;
  std::string method_name;  // as received: "GET", "PROPFIND"
  std::string target;       // as received, origin or absolute form (RFC 9112 section 3.2)
  // The path, percent-decoded once. Begins with '/'; holds no "." or ".." segment, no encoded slash
  // or backslash, no control character, and is UTF-8: such targets are refused. "*" stands
  // for the server as a whole (OPTIONS).
  std::string path;
  std::string query;       // as received, without '?'
  int version_minor = 1;   // HTTP/1.x
  bool keep_alive = true;  // what the client asked for (RFC 9112 section 9.3)
  bool expects_continue = false;
  std::vector<Header> headers;
  std::string body;

  // The first header of that name (lower case).
  const std::string* header(std::string_view name) const;
  // All of them joined by ", ", as RFC 9110 section 5.3 allows.
  std::string joined_header(std::string_view name) const;
  // Whether a comma-separated header holds a token, ignoring case: has_token("connection",
  // "upgrade").
  bool has_token(std::string_view name, std::string_view token) const;
  // Upgrade: websocket with Connection: upgrade, in HTTP/1.1. RFC 9110 section 7.8: Upgrade in
  // HTTP/1.0 is ignored.
  bool asks_for_websocket() const;

  std::string host() const;  // the Host header, or the empty string (HTTP/1.0)

  // Parameters of the query, form-decoded ('+' is a space).
  std::optional<std::string> parameter(std::string_view name) const;  // the first of that name
  std::vector<std::pair<std::string, std::string>> parameters() const;
};

// Form decoding of `a=1&b=x+y`; empty on a malformed escape. Also for urlencoded bodies.
std::optional<std::vector<std::pair<std::string, std::string>>> decode_form(std::string_view text);
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
std::string percent_encode(std::string_view text);  // all but RFC 3986 unreserved characters

bool equals_ignoring_case(std::string_view a, std::string_view b);

}  // namespace sigway::http
