#include "server/router.h"

#include <doctest/doctest.h>

using namespace sigway;
using namespace sigway::server;
using http::Method;

namespace {

http::Request asking(Method method, const std::string& path) {
  http::Request request;
  request.method = method;
  request.method_name = http::to_string(method);
  request.path = path;
  return request;
}

}  // namespace

TEST_CASE("exact paths win over prefixes, longer prefixes over shorter") {
  Router router;
  router.add({Method::get}, "/", [](Exchange&) {}, {.max_body = 1, .access = {}});
  router.add({Method::get}, "/a/*", [](Exchange&) {}, {.max_body = 2, .access = {}});
  router.add({Method::get}, "/a/b/*", [](Exchange&) {}, {.max_body = 3, .access = {}});
  router.add({Method::get}, "/a/b/c", [](Exchange&) {}, {.max_body = 4, .access = {}});
  const auto which = [&](const std::string& path) -> std::size_t {
    const auto match = router.match(asking(Method::get, path));
    return match.route ? match.route->options.max_body.value_or(0) : 0;
  };
  CHECK(which("/") == 1);
  CHECK(which("/a/x") == 2);
  CHECK(which("/a/") == 2);
  CHECK(which("/a/b/x/y") == 3);
  CHECK(which("/a/b/c") == 4);
  CHECK(which("/a") == 0);
  CHECK(which("/b") == 0);
}

TEST_CASE("a port with a dialect has its root at / and all else as on the main port") {
  Router router;
  router.add({Method::get}, "/x", [](Exchange&) {});
  router.add_root("raw", [](Exchange&) {}, {.max_body = 1, .access = {}});
  router.add_root("login", [](Exchange&) {}, {.max_body = 2, .access = {}});
  const auto which = [&](Method method, const std::string& dialect) -> std::size_t {
    const auto match = router.match(asking(method, "/"), dialect);
    return match.route ? match.route->options.max_body.value_or(0) : 0;
  };
  for (const auto method : {Method::get, Method::head, Method::post}) {
    CHECK(which(method, "raw") == 1);
    CHECK(which(method, "login") == 2);
    CHECK(which(method, "") == 0);
    CHECK(which(method, "other") == 0);
  }
  CHECK(router.match(asking(Method::get, "/")).refusal->status == 404);
  const auto options = router.match(asking(Method::options, "/"), "raw");
  CHECK_FALSE(options.refusal.has_value());
  CHECK(allow_header(options.allowed) == "GET, HEAD, POST, OPTIONS");
  const auto* const same = router.match(asking(Method::get, "/x")).route;
  CHECK(same != nullptr);
  CHECK(router.match(asking(Method::get, "/x"), "raw").route == same);
  CHECK(router.match(asking(Method::get, "/y"), "raw").refusal->status == 404);
}

TEST_CASE("a WebSocket at a path that is nobody's belongs to the port's dialect") {
  Router router;
  router.add({Method::get}, "/x", [](Exchange&) {});
  router.add_root("raw", [](Exchange&) {}, {.max_body = 1, .access = {}});
  router.reserve("v1");
  const auto is_root = [&](const std::string& path, const std::string& upgrade,
                           const std::string& dialect = "raw") {
    auto request = asking(Method::get, path);
    if (!upgrade.empty()) request.headers.push_back({"upgrade", upgrade});
    const auto match = router.match(request, dialect);
    return match.route != nullptr && match.route->options.max_body == 1;
  };
  CHECK(is_root("/room", "websocket"));
  CHECK(is_root("/a/b", "WebSocket"));
  CHECK_FALSE(is_root("/x", "websocket"));
  CHECK_FALSE(is_root("/v1/nothing", "websocket"));
  CHECK_FALSE(is_root("/room", ""));
  CHECK_FALSE(is_root("/room", "h2c"));
  CHECK_FALSE(is_root("/room", "websocket", ""));
}

TEST_CASE("a dialect without a root is a problem that names those with one") {
  Router router;
  CHECK_FALSE(router.dialect_problem("").has_value());
  CHECK(router.dialect_problem("raq") ==
        "there is no dialect raq; this version has none, so leave =raq out");
  router.add_root("raw", [](Exchange&) {});
  router.add_root("login", [](Exchange&) {});
  CHECK(router.dialect_problem("raq") == "there is no dialect raq; there are: login, raw");
  CHECK_FALSE(router.dialect_problem("raw").has_value());
  CHECK_FALSE(router.dialect_problem("").has_value());
}

TEST_CASE("methods of one path add up") {
  Router router;
  router.add({Method::get}, "/x", [](Exchange&) {});
  router.add({Method::post}, "/x", [](Exchange&) {});
  CHECK(router.match(asking(Method::post, "/x")).route != nullptr);
  const auto match = router.match(asking(Method::head, "/x"));
  REQUIRE(match.refusal.has_value());
  CHECK(match.refusal->status == 405);
  CHECK(allow_header(match.allowed) == "GET, POST, OPTIONS");
  const auto options = router.match(asking(Method::options, "/x"));
  CHECK_FALSE(options.refusal.has_value());
  CHECK(options.route == nullptr);
  CHECK(router.match(asking(Method::get, "/y")).refusal->status == 404);
}
