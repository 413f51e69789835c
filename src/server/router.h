#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "http/request.h"
#include "http/response.h"
#include "server/exchange.h"
#include "server/route_access.h"

namespace sigway::server {

class StaticPages;

// Called on the shard that accepted the connection, so on several threads at once; it must not
// throw (an exception is answered with 500 and told to nobody else).
using RouteHandler = std::function<void(Exchange&)>;

struct RouteOptions {
  // Replaces the server's body limit for this route.
  std::optional<std::size_t> max_body = {};
  RouteAccess access = {};
};

// Which handler answers which path. Filled before the server starts, constant afterwards; then any
// thread may read it.
class Router {
 public:
  struct Route {
    std::vector<http::Method> methods;
    RouteHandler handler;
    RouteOptions options;
  };

  // `path` is matched exactly against the decoded path; one that ends in "/*" matches everything
  // below, the longest such prefix first. Several routes with one path differ by method. HEAD
  // reaches a handler only if named: the answer's body is then left out by the server.
  void add(std::initializer_list<http::Method> methods, std::string path, RouteHandler handler,
           RouteOptions options = {});

  // What answers GET, HEAD and POST of `/`, with any query, on the ports that have this dialect
  // (net::PortInfo::label), instead of a page or a route. Every other path is there as on the main
  // port; a WebSocket at a path that is nobody's there comes to this handler, too.
  void add_root(std::string dialect, RouteHandler handler, RouteOptions options = {});

  // Nothing for a dialect with a root, and for none at all. Else a sentence that names the others.
  std::optional<std::string> dialect_problem(std::string_view dialect) const;

  // Nothing but routes answers at `/SEGMENT` and below it: no page, and no room of that name.
  void reserve(std::string segment) { reserved_.insert(std::move(segment)); }

  // Asked when no route has the path.
  void set_pages(std::shared_ptr<const StaticPages> pages) { pages_ = std::move(pages); }

  struct Match {
    const Route* route = nullptr;          // null: answer `refusal`, or a page
    const StaticPages* pages = nullptr;    // the path is a page's
    std::vector<http::Method> allowed;     // for OPTIONS and the Allow header
    std::optional<http::Problem> refusal;  // 404 or 405
    // Of the route. Without one: what all routes of this path have, or a page's.
    RouteAccess access;
  };
  // `dialect` is that of the port, empty on the main port. One without a root changes nothing.
  Match match(const http::Request& request, std::string_view dialect = {}) const;

 private:
  using Routes = std::vector<Route>;
  const Routes* find(std::string_view path) const;
  bool is_reserved(std::string_view path) const;
  const Routes* find_root(std::string_view dialect) const;
  // Of a route, or of the dialect's root.
  const Routes* find(const http::Request& request, std::string_view dialect) const;

  std::map<std::string, Routes, std::less<>> exact_;
  std::map<std::string, Routes, std::less<>> prefixes_;  // without the "*"
  std::map<std::string, Routes, std::less<>> roots_;     // by dialect
  std::set<std::string, std::less<>> reserved_;          // first segments of paths
  std::shared_ptr<const StaticPages> pages_;
};

// "GET, HEAD, OPTIONS"
std::string allow_header(const std::vector<http::Method>& methods);

}  // namespace sigway::server
