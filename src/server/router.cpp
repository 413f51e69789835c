#include "server/router.h"

#include <algorithm>
#include <utility>

#include "server/static_pages.h"

namespace sigway::server {

namespace {

using http::Method;

bool holds(const std::vector<Method>& methods, Method method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

}  // namespace

void Router::add(std::initializer_list<Method> methods, std::string path, RouteHandler handler,
                 RouteOptions options) {
  const bool is_prefix = path.size() >= 2 && path.ends_with("/*");
  if (is_prefix) path.pop_back();
  Routes& routes = is_prefix ? prefixes_[std::move(path)] : exact_[std::move(path)];
  routes.push_back({methods, std::move(handler), options});
}

void Router::add_root(std::string dialect, RouteHandler handler, RouteOptions options) {
  roots_[std::move(dialect)] = {
      {{Method::get, Method::head, Method::post}, std::move(handler), options}};
}

std::optional<std::string> Router::dialect_problem(std::string_view dialect) const {
  if (dialect.empty() || roots_.find(dialect) != roots_.end()) return std::nullopt;
  std::string names;
  for (const auto& [name, routes] : roots_) names += (names.empty() ? "" : ", ") + name;
  return "there is no dialect " + std::string(dialect) +
         (names.empty() ? "; this version has none, so leave =" + std::string(dialect) + " out"
                        : "; there are: " + names);
}

const Router::Routes* Router::find_root(std::string_view dialect) const {
  const auto root = dialect.empty() ? roots_.end() : roots_.find(dialect);
  return root == roots_.end() ? nullptr : &root->second;
}

const Router::Routes* Router::find(std::string_view path) const {
  if (const auto exact = exact_.find(path); exact != exact_.end()) return &exact->second;
  // From the longest prefix that ends in a slash to the shortest.
  std::size_t end = path.rfind('/');
  while (end != std::string_view::npos) {
    const auto found = prefixes_.find(path.substr(0, end + 1));
    if (found != prefixes_.end()) return &found->second;
    if (end == 0) break;
    end = path.rfind('/', end - 1);
  }
  return nullptr;
}

const Router::Routes* Router::find(const http::Request& request, std::string_view dialect) const {
  const auto* const root = find_root(dialect);
  if (root != nullptr && request.path == "/") return root;
  if (const auto* const routes = find(request.path)) return routes;
  // Clients that know only a port may put a room or their id into the path.
  const auto* const upgrade = request.header("upgrade");
  const bool is_socket = upgrade != nullptr && http::equals_ignoring_case(*upgrade, "websocket");
  return is_socket && !is_reserved(request.path) ? root : nullptr;
}

bool Router::is_reserved(std::string_view path) const {
  const auto segment = path.substr(std::min<std::size_t>(1, path.size()));
  return reserved_.find(segment.substr(0, segment.find('/'))) != reserved_.end();
}

Router::Match Router::match(const http::Request& request, std::string_view dialect) const {
  Match match;
  if (request.path == "*") {
    match.allowed = {Method::get, Method::head, Method::post};
    return match;
  }
  const bool is_reading = request.method == Method::get || request.method == Method::head;
  const auto may_be_page = [&] { return pages_ != nullptr && !is_reserved(request.path); };
  if (const Routes* routes = find(request, dialect)) {
    for (const Route& route : *routes) {
      if (holds(route.methods, request.method)) {
        match.route = &route;
        match.access = route.options.access;
        return match;
      }
      for (const Method method : route.methods) {
        if (!holds(match.allowed, method)) match.allowed.push_back(method);
      }
    }
    const auto all = [routes](bool RouteAccess::*has) {
      return std::all_of(routes->begin(), routes->end(),
                         [has](const Route& route) { return route.options.access.*has; });
    };
    match.access.is_public = all(&RouteAccess::is_public);
    match.access.is_for_old_pages = all(&RouteAccess::is_for_old_pages);
  } else if (is_reading && may_be_page() && pages_->has(request.path)) {
    match.pages = pages_.get();
    match.access.is_harmless = true;
    return match;
  } else if (may_be_page() && pages_->has_file(request.path)) {
    match.allowed = {Method::get, Method::head};
  } else {
    match.refusal = http::Problem{404, "unknown_route", "There is nothing at this path.",
                                  "The routes are listed in docs/protocol.md; check the spelling."};
    return match;
  }
  if (request.method != Method::options) {
    match.refusal =
        http::Problem{405, "wrong_method", request.method_name + " is not allowed here.",
                      "Allowed: " + allow_header(match.allowed) + "."};
  }
  return match;
}

std::string allow_header(const std::vector<Method>& methods) {
  std::string list;
  for (const Method method : methods) {
    list += to_string(method);
    list += ", ";
  }
  return list + "OPTIONS";
}

}  // namespace sigway::server
