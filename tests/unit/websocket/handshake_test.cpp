#include "websocket/handshake.h"

#include <doctest/doctest.h>

using namespace sigway;

namespace {

http::Request upgrade_request() {
  http::Request request;
  request.method = http::Method::get;
  request.headers = {{"host", "a"},
                     {"upgrade", "websocket"},
                     {"connection", "Upgrade"},
                     {"sec-websocket-version", "13"},
                     {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return request;
}

}  // namespace

TEST_CASE("a handshake is answered with the accept key of RFC 6455 section 1.3") {
  const auto handshake = websocket::shake_hands(upgrade_request(), "sigway.v1");
  CHECK(handshake.upgrade);
  CHECK(handshake.response.status() == 101);
  CHECK(*handshake.response.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("a handshake in HTTP/1.0 is refused, and the hint says what to change") {
  auto request = upgrade_request();
  request.version_minor = 0;
  const auto handshake = websocket::shake_hands(request, "sigway.v1");
  CHECK_FALSE(handshake.upgrade);
  CHECK(handshake.response.status() == 426);
  CHECK(*handshake.response.header("upgrade") == "websocket");
  const auto body = handshake.response.body().view();
  CHECK(body.find("HTTP/1.0") != std::string_view::npos);
  CHECK(body.find("proxy_http_version") != std::string_view::npos);
}
