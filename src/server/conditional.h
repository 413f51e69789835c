#pragma once

#include <concepts>
#include <string_view>

#include "http/request.h"
#include "http/response.h"

// Files that a client may hold already (RFC 9110 section 13.1.2). Thread: any.
namespace sigway::server {

// Whether If-None-Match names this version. `etag` is strong, with its quotes.
bool holds_version(const http::Request& request, std::string_view etag);

// 304 if the client has this version, else what `make` makes of it. An error among that stays as
// it is.
template <std::invocable Make>
http::Response conditional(const http::Request& request, std::string_view etag, Make make) {
  http::Response response = holds_version(request, etag) ? http::Response(304) : make();
  if (response.status() >= 400) return response;
  response.set("ETag", etag);
  // Always ask, and mostly hear 304: a new version of the program must not meet old scripts.
  response.set("Cache-Control", "no-cache");
  return response;
}

}  // namespace sigway::server
