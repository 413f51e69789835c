#include "http/response.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::http;

TEST_CASE("a header from outside cannot start a new line") {
  Response response(200);
  CHECK_FALSE(response.set("X-Name", "a\r\nSet-Cookie: b"));
  CHECK_FALSE(response.set("X-Name", "a\nb"));
  CHECK_FALSE(response.set("X-Name", std::string("a\0b", 3)));
  CHECK_FALSE(response.set("X Name", "a"));
  CHECK_FALSE(response.set("X:", "a"));
  CHECK_FALSE(response.set("", "a"));
  CHECK(response.headers().empty());
  CHECK(response.set("X-Name", "a\tb"));
  CHECK(response.set("x-name", "c"));
  REQUIRE(response.headers().size() == 1);
  CHECK(*response.header("X-NAME") == "c");
}

TEST_CASE("framing headers belong to the serializer") {
  Response response(200, "text/plain", "hello");
  CHECK_FALSE(response.set("Content-Length", "1"));
  CHECK_FALSE(response.add("Transfer-Encoding", "chunked"));
  CHECK_FALSE(response.add("Connection", "upgrade"));
  CHECK(serialize_head(response, {}, Framing::length) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
  Response upgrade(101);
  CHECK(upgrade.set("Connection", "Upgrade"));
  CHECK(serialize_head(upgrade, {}, Framing::none) ==
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n");
}

TEST_CASE("constant lines are written as they are, and are headers to whoever looks at them") {
  auto response =
      Response::with_lines(200, "Content-Type: text/plain\r\nCache-Control: no-store\r\n", "hi");
  response.add("Vary", "Origin");
  const std::string expected =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nCache-Control: no-store\r\n"
      "Vary: Origin\r\nContent-Length: 2\r\n\r\n";
  CHECK(serialize_head(response, {}, Framing::length) == expected);
  CHECK(*response.header("cache-control") == "no-store");
  CHECK(serialize_head(response, {}, Framing::length) == expected);
  response.set("Cache-Control", "no-cache");
  CHECK(serialize_head(response, {}, Framing::length) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nVary: Origin\r\n"
        "Cache-Control: no-cache\r\nContent-Length: 2\r\n\r\n");
}

TEST_CASE("the answer to a HEAD may tell the length of a body that was not made") {
  Response response(200, "text/plain", {});
  response.set_unsent_length(70'000);
  CHECK(serialize_head(response, {.is_head = true}, Framing::length) ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 70000\r\n\r\n");
}

TEST_CASE("HEAD, 204 and 304 send no body; 204 and 304 no length") {
  CHECK(sends_body(200, false));
  CHECK_FALSE(sends_body(200, true));
  CHECK_FALSE(sends_body(204, false));
  CHECK_FALSE(sends_body(304, false));
  Response response(200);
  response.set_body("abc");
  CHECK(serialize_head(response, {.is_head = true}, Framing::length) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  CHECK(serialize_head(Response(204), {}, Framing::length) == "HTTP/1.1 204 No Content\r\n\r\n");
  CHECK(serialize_head(Response(304), {}, Framing::length) == "HTTP/1.1 304 Not Modified\r\n\r\n");
}

TEST_CASE("connection persistence towards HTTP/1.1 and 1.0") {
  const Response response(200);
  CHECK(serialize_head(response, {.keep_alive = false}, Framing::length) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  CHECK(serialize_head(response, {.version_minor = 0}, Framing::length) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(serialize_head(response, {}, Framing::stream) ==
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(serialize_head(response, {.version_minor = 0}, Framing::stream) ==
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  Response last(400);
  last.close();
  CHECK(serialize_head(last, {}, Framing::length) ==
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

TEST_CASE("an error is JSON with code, message and hint") {
  const Response response = Response::error(403, "forbidden", "No \"entry\".", "Try\n\\ else.\xff");
  CHECK(response.status() == 403);
  CHECK(*response.header("content-type") == "application/json");
  CHECK(response.body().view() ==
        "{\"error\":{\"code\":\"forbidden\",\"message\":\"No \\\"entry\\\".\","
        "\"hint\":\"Try\\u000a\\\\ else.\xEF\xBF\xBD\"}}\n");
}

TEST_CASE("chunks and dates") {
  CHECK(chunk_head(1) == "1\r\n");
  CHECK(chunk_head(4096) == "1000\r\n");
  CHECK(chunk_head(0xabcdef) == "abcdef\r\n");
  CHECK(chunk_head(~std::size_t{0}) == "ffffffffffffffff\r\n");
  CHECK(http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST_CASE("body bytes: owned, shared and static read the same") {
  using sigway::base::Bytes;
  const auto shared = std::make_shared<const std::string>("abc");
  CHECK(Bytes("abc").view() == Bytes(shared).view());
  CHECK(Bytes::of_static("abc").view() == "abc");
  CHECK(Bytes(shared).view().data() == shared->data());
  CHECK(Bytes().empty());
  CHECK(Bytes(std::shared_ptr<const std::string>()).empty());
}
