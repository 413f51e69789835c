#include "probe/query.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

using namespace sigway;
using probe::Kind;

namespace {

http::Request get(std::string query) {
  http::Request request;
  request.method = http::Method::get;
  request.query = std::move(query);
  return request;
}

probe::Query accepted(Kind kind, const std::string& query) {
  auto read = probe::read_query(get(query), kind, {});
  const auto* refusal = std::get_if<http::Response>(&read);
  REQUIRE_MESSAGE(refusal == nullptr, refusal->body().view());
  return std::get<probe::Query>(std::move(read));
}

/// The hint of the refusal.
std::string refused(Kind kind, const std::string& query, const std::string& code = "bad_request") {
  const auto read = probe::read_query(get(query), kind, {});
  const auto* refusal = std::get_if<http::Response>(&read);
  REQUIRE_MESSAGE(refusal != nullptr, query);
  CHECK(refusal->status() == 400);
  const auto error = nlohmann::json::parse(refusal->body().view()).at("error");
  CHECK(error.at("code") == code);
  return error.at("hint");
}

}  // namespace

TEST_CASE("probe query: each route has its own parameters") {
  const auto echo = accepted(Kind::echo, "u=a-_9&of=x&of=y");
  CHECK(echo.u == "a-_9");
  CHECK(echo.of == std::vector<std::string>{"x", "y"});
  CHECK(accepted(Kind::hold, "ms=40000").hold == std::chrono::seconds(40));
  const auto stream = accepted(Kind::stream, "type=json&interval=50&size=65536&count=16&u=b");
  CHECK(stream.type == probe::StreamType::json);
  CHECK(stream.interval == std::chrono::milliseconds(50));
  CHECK(stream.size == 65536);
  CHECK(stream.count == 16);
  CHECK(accepted(Kind::socket, "").u.empty());

  CHECK(refused(Kind::echo, "ms=1", "unknown_field") == "Known are u and of.");
  CHECK(refused(Kind::hold, "of=1", "unknown_field") == "Known are u and ms.");
  CHECK(refused(Kind::stream, "ms=1", "unknown_field").find("interval") != std::string::npos);
  CHECK(refused(Kind::socket, "size=64", "unknown_field") == "Known is u.");
}

TEST_CASE("probe query: what is out of range is refused with the range") {
  CHECK(refused(Kind::hold, "ms=40001") == "Give a whole number from 0 to 40000.");
  for (const char* const query :
       {"ms=", "ms=-1", "ms=1.5", "ms=1e3", "ms=99999999999999999999", "ms=1 ", "ms=0x10"}) {
    refused(Kind::hold, query);
  }
  for (const char* const query : {"interval=9", "interval=40001", "size=63", "size=65537",
                                  "count=0", "count=2001", "type=html", "type="}) {
    refused(Kind::stream, query);
  }
}

TEST_CASE("probe query: a stream is bounded in time and bytes") {
  CHECK(accepted(Kind::stream, "interval=20000&count=3").count == 3);
  CHECK(refused(Kind::stream, "interval=20000&count=4").find("40000") != std::string::npos);
  CHECK(accepted(Kind::stream, "interval=10&size=1024&count=1024").count == 1024);
  CHECK(refused(Kind::stream, "interval=10&size=1025&count=1024").find("1048576") !=
        std::string::npos);
}

TEST_CASE("probe query: nonces") {
  CHECK(probe::is_nonce(std::string(64, 'a')));
  for (const auto& text : {std::string(), std::string(65, 'a'), std::string("a b"),
                           std::string("a\"b"), std::string("\xc3\xa9")}) {
    CHECK_FALSE(probe::is_nonce(text));
  }
  refused(Kind::echo, "u=");
  refused(Kind::echo, "u=%22");
  std::string many = "of=0";
  for (int i = 1; i < 16; ++i) many += "&of=" + std::to_string(i);
  CHECK(accepted(Kind::echo, many).of.size() == 16);
  refused(Kind::echo, many + "&of=17");
}
