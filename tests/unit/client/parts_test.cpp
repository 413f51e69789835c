#include <doctest/doctest.h>

#include <map>

#include "client/body_limit.h"
#include "client/event_stream.h"
#include "client/failure.h"
#include "client/json.h"
#include "client/pieces.h"
#include "client/scheduler.h"
#include "client/url.h"

using namespace sigway;
using namespace sigway::client;
using namespace std::chrono_literals;

TEST_CASE("pieces: joined they are the text, each within the limit, no character cut") {
  const std::string text = R"({"a":"ä€😀 \"quoted\" \\ \u0001 )" + std::string(50, 'x') + "\"}";
  for (std::size_t limit = 16; limit < 90; ++limit) {
    std::string joined;
    for (const auto& piece : cut_into_pieces(text, limit)) {
      CHECK(json_string(piece).size() <= limit);
      CHECK(Json::parse(json_string(piece)).get<std::string>() == piece);  // it is UTF-8
      joined += piece;
    }
    CHECK(joined == text);
  }
}

TEST_CASE(
    "scheduler: in the order of time, and of setting; what is given up does not happen; nothing "
    "happens twice in a jump") {
  Scheduler scheduler{Time{}};
  std::string done;
  Timer a(scheduler), b(scheduler), c(scheduler);
  b.set(20ms, [&] { done += 'b'; });
  a.set(10ms, [&] {
    done += 'a';
    a.set(10ms, [&] { done += 'A'; });
  });
  c.set(15ms, [&] { done += 'c'; });
  c.stop();
  scheduler.advance(Time{} + 9ms);
  CHECK(done.empty());
  scheduler.advance(Time{} + 25ms);
  CHECK(done == "ab");
  CHECK(scheduler.next() == Time{} + 35ms);
  scheduler.advance(Time{} + 35ms);
  CHECK(done == "abA");
  CHECK_FALSE(scheduler.next());
}

TEST_CASE("body limit: found by halves, closely, and with few refusals") {
  for (const std::size_t real : {700, 2048, 8192, 65'000}) {
    BodyLimit limit;
    int refusals = 0;
    for (int i = 0; i < 30; ++i) {
      const auto size = std::min<std::size_t>(limit.most(), 200'000);
      if (size <= real) {
        limit.passed(size);
      } else {
        ++refusals;
        CHECK(limit.refused(size, 0));
      }
    }
    CAPTURE(real);
    CHECK(limit.most() <= real);
    CHECK(limit.most() > real * 85 / 100);
    CHECK(refusals <= 12);
    CHECK(limit.refused(real, real / 2));  // the answer says so
    CHECK(limit.most() == std::max(BodyLimit::kLeast, real / 2));
  }
  BodyLimit least;
  CHECK(least.refused(700, 100));
  CHECK(least.most() == BodyLimit::kLeast);
  CHECK_FALSE(least.refused(BodyLimit::kLeast, 0));
}

TEST_CASE("event stream: split anywhere it is the same") {
  const std::string text =
      ": hello\r\nevent: control\ndata: {\"a\":1}\n\nid: 7\ndata: {}\n\n\n: heartbeat, next 8\n";
  std::string whole;
  for (std::size_t size = 1; size <= text.size(); ++size) {
    std::string told;
    EventStream stream;
    stream.is_over = [] { return false; };
    stream.on_item = [&](const EventStream::Item& item) {
      told += '[' + item.name + ',' + item.id + ',' + item.data + ']';
    };
    stream.on_comment = [&](std::string_view comment) { told += '(' + std::string(comment) + ')'; };
    for (std::size_t at = 0; at < text.size(); at += size)
      CHECK(stream.feed(std::string_view(text).substr(at, size)));
    CHECK(told == "( hello)[control,,{\"a\":1}][,7,{}]( heartbeat, next 8)");
  }
}

TEST_CASE("event stream: a line without an end is refused") {
  EventStream stream;
  stream.is_over = [] { return false; };
  CHECK_FALSE(stream.feed(std::string((std::size_t{1} << 20U) + 1, 'x')));
}

TEST_CASE("event stream: an event without an end is refused") {
  EventStream stream;
  stream.is_over = [] { return false; };
  stream.on_item = [](const EventStream::Item&) {};
  const auto line = "data: " + std::string(1000, 'x') + '\n';
  int taken = 0;
  while (taken < 2000 && stream.feed(line)) ++taken;
  CHECK(taken < 1100);
}

TEST_CASE("failures: only what the server wrote ends a session") {
  CHECK(verdict(failure_of({.status = 403, .body = "<html>blocked"})) == Verdict::retry);
  CHECK(failure_of({.status = 403, .body = "<html>"}).code == "http_403");
  const auto ours = [](const std::string& code) {
    return R"({"error":{"code":")" + code + R"(","message":"m","hint":"h"}})";
  };
  CHECK(verdict(failure_of({.status = 410, .body = ours("gone")})) == Verdict::reset);
  CHECK(verdict(failure_of({.status = 403, .body = ours("origin_refused")})) == Verdict::close);
  // Others have codes as well.
  const auto theirs = failure_of(
      {.status = 504, .body = R"({"error":{"code":"timeout","message":"upstream timed out"}})"});
  CHECK(theirs.code == "http_504");
  CHECK(verdict(theirs) == Verdict::retry);
  CHECK(verdict(failure_of({.status = 502, .body = R"({"error":"bad gateway"})"})) ==
        Verdict::retry);
  CHECK(failure_of({.problem = "no connection"}).code == "network");
}

TEST_CASE("urls") {
  const auto url = parse_url("https://Call.Example.org/sub");
  REQUIRE(url);
  CHECK(url->tls);
  CHECK(url->host == "call.example.org");
  CHECK(url->port == 443);
  CHECK(url->path == "/sub/");
  CHECK(url->host_and_port() == "call.example.org");
  const auto six = parse_url("http://[::1]:8080");
  REQUIRE(six);
  CHECK(six->host == "::1");
  CHECK(six->host_and_port() == "[::1]:8080");
  for (const auto* const wrong :
       {"", "localhost:8080", "ftp://x", "http://", "http://a:0", "http://a:99999", "http://a b",
        "http://user@a", "http://a/?room=x", "http://a\r\nX: y", "http://[::1"})
    CHECK_MESSAGE(!parse_url(wrong), wrong);
}

TEST_CASE("proxies: what the environment says") {
  std::map<std::string, std::string> variables;
  const auto environment = [&](const char* name) { return variables[name]; };
  const auto plain = *parse_url("http://gateway.example.org:8080");
  const auto tls = *parse_url("https://gateway.example.org");
  CHECK(proxy_of_environment(plain, environment).empty());
  variables["HTTP_PROXY"] = "http://never:1";
  CHECK(proxy_of_environment(plain, environment).empty());
  variables["http_proxy"] = "http://a:1";
  variables["HTTPS_PROXY"] = "http://b:2";
  CHECK(proxy_of_environment(plain, environment) == "http://a:1");
  CHECK(proxy_of_environment(tls, environment) == "http://b:2");
  for (const auto* const exempt :
       {"example.org", ".example.org", "x, gateway.example.org:8080", "*"}) {
    variables["no_proxy"] = exempt;
    CHECK_MESSAGE(proxy_of_environment(plain, environment).empty(), exempt);
  }
  for (const auto* const other : {"ample.org", "gateway.example.org:81", "example.com"}) {
    variables["no_proxy"] = other;
    CHECK_MESSAGE(!proxy_of_environment(plain, environment).empty(), other);
  }
  const auto proxy = parse_proxy("http://us%65r:p%40ss@proxy.lan:8888/");
  REQUIRE(proxy);
  CHECK(proxy->user == "user");
  CHECK(proxy->password == "p@ss");
  CHECK(proxy->host == "proxy.lan");
  CHECK(proxy->port == 8888);
  CHECK(parse_proxy("proxy")->port == 3128);
  CHECK_FALSE(parse_proxy("socks5://proxy:1"));
}

TEST_CASE("a JSON text in ASCII means the same") {
  for (const auto* const text :
       {"{}", R"({"a":"b\\\"c"})", "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80 x\"]"}) {
    const auto ascii = in_ascii(text);
    CHECK(is_ascii(ascii));
    CHECK(Json::parse(ascii) == Json::parse(text));
  }
  CHECK(in_ascii("\"\xC3\xA9\xF0\x9F\x98\x80\"") == R"("\u00e9\ud83d\ude00")");
}

TEST_CASE("a list of texts is read from what may be none") {
  const auto texts = [](std::string_view json) {
    return texts_of(*parse_object(json), "features");
  };
  CHECK(texts(R"({"features":["drain","mail"]})") == std::vector<std::string>{"drain", "mail"});
  CHECK(texts(R"({"features":["drain",1,null,["mail"]]})") == std::vector<std::string>{"drain"});
  for (const auto* const none : {"{}", R"({"features":null})", R"({"features":"drain"})"})
    CHECK(texts(none).empty());
}
