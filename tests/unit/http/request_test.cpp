#include "http/request.h"

#include <doctest/doctest.h>

#include <string>

using namespace sigway::http;

TEST_CASE("percent and form decoding") {
  CHECK(percent_decode("a%2Bb+c") == "a+b+c");
  CHECK(percent_decode("a%2Bb+c", true) == "a+b c");
  CHECK_FALSE(percent_decode("%").has_value());
  CHECK_FALSE(percent_decode("%4").has_value());
  CHECK_FALSE(percent_decode("%4g").has_value());
  CHECK(percent_encode("a b/\xC3\xA9~") == "a%20b%2F%C3%A9~");
  const auto form = decode_form("a=1&&b&c=x%3Dy+z=");
  REQUIRE(form.has_value());
  REQUIRE(form->size() == 3);
  CHECK(form->at(1) == std::pair<std::string, std::string>("b", ""));
  CHECK(form->at(2).second == "x=y z=");
  CHECK_FALSE(decode_form("a=%").has_value());
}

TEST_CASE("tokens in comma-separated headers") {
  Request request;
  request.headers = {{"connection", " a ,Upgrade"}, {"connection", "b,,"}};
  CHECK(request.has_token("connection", "upgrade"));
  CHECK(request.has_token("connection", "A"));
  CHECK(request.has_token("connection", "b"));
  CHECK_FALSE(request.has_token("connection", "up"));
  CHECK_FALSE(request.has_token("upgrade", "a"));
}
