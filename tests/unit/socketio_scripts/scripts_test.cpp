#include "socketio_scripts/scripts.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

using namespace sigway;
using client_scripts::EmbeddedFile;
using dialects::socketio::client_script;
using http::Method;

namespace {

constexpr std::string_view kType = "text/javascript; charset=utf-8";
constexpr std::array<EmbeddedFile, 3> kFiles = {{
    {"socket.io-client-0/dist/socket.io.min.js", kType, "zero", "\"etag-0\""},
    {"socket.io-client-2/dist/socket.io.slim.js", kType, "two", "\"etag-2\""},
    {"socket.io-client-4/dist/socket.io.min.js", kType, "four", "\"etag-4\""},
}};

http::Request asking(const std::string& query, std::vector<http::Header> headers = {}) {
  http::Request request;
  request.method = Method::get;
  request.path = "/socket.io/socket.io.js";
  request.query = query;
  request.headers = std::move(headers);
  return request;
}

std::string script(const std::string& query) {
  const auto response = client_script(asking(query), kFiles);
  return response.status() == 200 ? std::string(response.body().view())
                                  : std::to_string(response.status());
}

}  // namespace

TEST_CASE("the parameter v chooses the client by its major version") {
  for (const char* query : {"", "v=4", "v=3", "v=4.8.1", "v=3.1", "t=17", "t=17&v=4"}) {
    CAPTURE(query);
    CHECK(script(query) == "four");
  }
  for (const char* query : {"v=2", "v=1", "v=2.5.0", "v=1.7.4"}) {
    CAPTURE(query);
    CHECK(script(query) == "two");
  }
  for (const char* query : {"v=0", "v=0.9", "v=0.9.17"}) {
    CAPTURE(query);
    CHECK(script(query) == "zero");
  }
  for (const char* query : {"v=", "v=5", "v=-1", "v=04", "v=40", "v=4x", "v=latest", "v=.4", "v"}) {
    CAPTURE(query);
    const auto refused = client_script(asking(query), kFiles);
    CHECK(refused.status() == 400);
    CHECK(refused.body().view().find("v=0.9") != std::string_view::npos);
  }
}

TEST_CASE("a client that has the script is told so") {
  const auto first = client_script(asking("v=2"), kFiles);
  CHECK(*first.header("content-type") == kType);
  CHECK(*first.header("etag") == "\"etag-2\"");
  CHECK(*first.header("cache-control") == "no-cache");
  const auto again = client_script(asking("v=2", {{"if-none-match", "\"etag-2\""}}), kFiles);
  CHECK(again.status() == 304);
  CHECK(again.body().empty());
  CHECK(*again.header("etag") == "\"etag-2\"");
  CHECK(client_script(asking("v=4", {{"if-none-match", "\"etag-2\""}}), kFiles).status() == 200);
}

TEST_CASE("a program that was built without scripts says what to do") {
  const auto missing = client_script(asking(""), {});
  CHECK(missing.status() == 404);
  CHECK(*missing.header("cache-control") == "no-store");
  CHECK(missing.body().view().find("install-client-scripts.sh") != std::string_view::npos);
  CHECK_MESSAGE(client_script(asking("v=0"), std::span(kFiles).first(1)).status() == 200,
                "one that is there is served without the others");
}

TEST_CASE("both paths are routes for pages of every origin, by GET and HEAD") {
  server::Router router;
  dialects::socketio::add_client_scripts(router, "/socket.io");
  for (const char* path : {"/socket.io/socket.io.js", "/socket.io/socket.io.min.js"}) {
    for (const auto method : {Method::get, Method::head, Method::post}) {
      CAPTURE(path);
      auto request = asking("");
      request.method = method;
      request.method_name = http::to_string(method);
      request.path = path;
      const auto match = router.match(request);
      CHECK(match.access.is_public);
      CHECK((match.route != nullptr) == (method != Method::post));
      if (match.refusal) CHECK(match.refusal->status == 405);
    }
  }
}
