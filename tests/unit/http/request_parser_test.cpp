#include "http/request_parser.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace sigway::http;
using State = RequestParser::State;

namespace {

struct Outcome {
  State state = State::need_more;
  int status = 0;
  std::string code;
  Request request;
  std::size_t consumed = 0;
};

// Feeds `input` in pieces of `piece` bytes (0: all at once).
Outcome parse(std::string_view input, std::size_t piece = 0, ParserLimits limits = {}) {
  RequestParser parser(limits);
  Outcome outcome;
  if (piece == 0) piece = input.size();
  std::string_view rest = input;
  std::string_view window;
  while (outcome.state == State::need_more || outcome.state == State::head_complete) {
    if (window.empty() && outcome.state == State::need_more) {
      if (rest.empty()) break;
      window = rest.substr(0, piece);
      rest.remove_prefix(window.size());
    }
    const auto result = parser.feed(window);
    window.remove_prefix(result.consumed);
    outcome.consumed += result.consumed;
    outcome.state = result.state;
  }
  if (outcome.state == State::error) {
    outcome.status = parser.problem().status;
    outcome.code = parser.problem().code;
    CHECK_FALSE(parser.problem().message.empty());
    CHECK_FALSE(parser.problem().hint.empty());
  } else {
    outcome.request = parser.request();
  }
  return outcome;
}

const std::string kHost = "Host: a\r\n";

std::string get(std::string_view target, std::string_view headers = "") {
  return "GET " + std::string(target) + " HTTP/1.1\r\n" + kHost + std::string(headers) + "\r\n";
}

std::string chunked(std::string_view body) {
  return "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("a request, whole and in pieces of every size") {
  const std::string input =
      "\r\nPOST /a%20b/%E2%82%AC?x=1&x=2+3&y=%26 HTTP/1.1\r\n"
      "Host: example.org:8080\r\nX-Empty:\r\nAccept:  a \r\nACCEPT: b\t\r\n"
      "Content-Length: 5\r\nConnection: Keep-Alive, Foo\r\n\r\nhello";
  for (std::size_t piece = 0; piece <= input.size(); ++piece) {
    CAPTURE(piece);
    const Outcome outcome = parse(input + "GET", piece);
    REQUIRE(outcome.state == State::complete);
    CHECK(outcome.consumed == input.size());
    const Request& request = outcome.request;
    CHECK(request.method == Method::post);
    CHECK(request.method_name == "POST");
    CHECK(request.path == "/a b/\xE2\x82\xAC");
    CHECK(request.query == "x=1&x=2+3&y=%26");
    CHECK(request.parameter("x") == "1");
    CHECK(request.parameters().at(1).second == "2 3");
    CHECK(request.parameter("y") == "&");
    CHECK_FALSE(request.parameter("z").has_value());
    CHECK(request.host() == "example.org:8080");
    CHECK(*request.header("x-empty") == "");
    CHECK(request.joined_header("accept") == "a, b");
    CHECK(request.has_token("connection", "foo"));
    CHECK(request.body == "hello");
    CHECK(request.version_minor == 1);
    CHECK(request.keep_alive);
  }
}

TEST_CASE("a path that needs no decoding, and those next to it") {
  for (const std::string path : {"/", "/v1/send", "//", "/a//b/", "/-_~", "/Az09", "/a.b", "/.a",
                                 "/a..", "/a+b", "/a:b@c"}) {
    CAPTURE(path);
    for (const std::string query : {"", "?", "?x=1"}) {
      const Outcome outcome = parse(get(path + query));
      REQUIRE(outcome.state == State::complete);
      CHECK(outcome.request.path == path);
      CHECK(outcome.request.target == path + query);
      CHECK(outcome.request.query == (query.empty() ? "" : query.substr(1)));
    }
  }
}

TEST_CASE("a chunked body with extensions and trailers, in pieces of every size") {
  const std::string input =
      chunked("5;a=\"b\"\r\nhello\r\n00A\r\n, world!!!\r\n0\r\nX: y\r\nContent-Length: 9\r\n\r\n");
  for (std::size_t piece = 0; piece <= input.size(); ++piece) {
    CAPTURE(piece);
    const Outcome outcome = parse(input + "0\r\n\r\n", piece);
    REQUIRE(outcome.state == State::complete);
    CHECK(outcome.consumed == input.size());
    CHECK(outcome.request.body == "hello, world!!!");
    CHECK(outcome.request.headers.size() == 2);
  }
}

TEST_CASE("the head is reported before any of the body is taken") {
  RequestParser parser{ParserLimits{}};
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n";
  const auto first = parser.feed(head + "abc");
  CHECK(first.state == State::head_complete);
  CHECK(first.consumed == head.size());
  CHECK(parser.has_body());
  CHECK(parser.request().path == "/");
  parser.set_max_body(2);
  CHECK(parser.feed("").state == State::error);
  CHECK(parser.problem().status == 413);
}

TEST_CASE("a call takes so many chunks, and leaves the rest") {
  constexpr int kMost = RequestParser::kMostChunks;
  constexpr int kChunks = 3 * kMost + 1;
  RequestParser parser{ParserLimits{}};
  std::string body;
  for (int i = 0; i < kChunks; ++i) body += "1\r\nx\r\n";
  const std::string input = chunked(body + "0\r\n\r\n");
  std::string_view rest = input;
  CHECK(parser.feed(rest).state == State::head_complete);
  rest.remove_prefix(chunked("").size());
  for (std::size_t taken = 0; taken < 3 * kMost;) {
    const auto result = parser.feed(rest);
    REQUIRE(result.state == State::need_more);
    CHECK(result.consumed == 6 * kMost);
    rest.remove_prefix(result.consumed);
    CHECK(parser.request().body.size() == (taken += kMost));
  }
  const auto last = parser.feed(rest);
  CHECK(last.state == State::complete);
  CHECK(last.consumed == rest.size());
  CHECK(parser.request().body == std::string(kChunks, 'x'));
}

TEST_CASE("versions and keep-alive (RFC 9112 section 9.3)") {
  CHECK(parse(get("/")).request.keep_alive);
  CHECK_FALSE(parse(get("/", "Connection: foo, Close\r\n")).request.keep_alive);
  const Outcome old = parse("GET / HTTP/1.0\r\n\r\n");
  REQUIRE(old.state == State::complete);
  CHECK(old.request.version_minor == 0);
  CHECK_FALSE(old.request.keep_alive);
  CHECK(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").request.keep_alive);
  CHECK(parse("GET / HTTP/2.0\r\nHost: a\r\n\r\n").status == 505);
  CHECK(parse("GET / HTTP/0.9\r\nHost: a\r\n\r\n").status == 505);
  CHECK(parse("GET / HTTP/1.2\r\nHost: a\r\n\r\n").status == 505);
  CHECK(parse("GET / HTTP/3.0\r\nHost: a\r\n\r\n").status == 505);
  CHECK(parse("GET /\r\nHost: a\r\n\r\n").state == State::error);
}

TEST_CASE("Expect: 100-continue (RFC 9110 section 10.1.1)") {
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n";
  CHECK(parse(head + "Expect: 100-Continue\r\n\r\nx").request.expects_continue);
  CHECK(parse(head + "Expect: more\r\n\r\nx").status == 417);
  CHECK_FALSE(parse(get("/", "Expect: 100-continue\r\n")).request.expects_continue);
  CHECK_FALSE(parse("POST / HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx")
                  .request.expects_continue);
}

TEST_CASE("WebSocket upgrades, and what follows one is not consumed") {
  const std::string input =
      get("/", "Upgrade: h2c, WebSocket\r\nConnection: keep-alive, Upgrade\r\n");
  const Outcome outcome = parse(input + "\x81\x80");
  REQUIRE(outcome.state == State::complete);
  CHECK(outcome.consumed == input.size());
  CHECK(outcome.request.asks_for_websocket());
  CHECK_FALSE(parse(get("/", "Upgrade: websocket\r\n")).request.asks_for_websocket());
  // RFC 9110 section 7.8: a server ignores Upgrade in HTTP/1.0.
  const Outcome old =
      parse("GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  REQUIRE(old.state == State::complete);
  CHECK_FALSE(old.request.asks_for_websocket());
  // An upgrade with a body: the body is read first.
  const Outcome with_body = parse(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: "
      "2\r\n\r\nhi");
  REQUIRE(with_body.state == State::complete);
  CHECK(with_body.request.body == "hi");
  const Outcome with_chunks = parse(
      "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n"
      "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  REQUIRE(with_chunks.state == State::complete);
  CHECK(with_chunks.request.body == "hi");
}

TEST_CASE("refused, whole and split at every byte") {
  struct Row {
    const char* what;
    std::string input;
    int status;
  };
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  const std::vector<Row> rows = {
      {"both lengths", post + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"both, other order", post + "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n", 400},
      {"two equal lengths", post + "Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400},
      {"two different lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
      {"a list of lengths", post + "Content-Length: 1, 1\r\n\r\nx", 400},
      {"a signed length", post + "Content-Length: +1\r\n\r\nx", 400},
      {"a negative length", post + "Content-Length: -1\r\n\r\nx", 400},
      {"a length with a space", post + "Content-Length: 1 1\r\n\r\nx", 400},
      {"a hexadecimal length", post + "Content-Length: 0x1\r\n\r\nx", 400},
      {"an empty length", post + "Content-Length:\r\n\r\nx", 400},
      {"an overflowing length", post + "Content-Length: 18446744073709551617\r\n\r\nx", 400},
      {"an unknown coding", post + "Transfer-Encoding: zstd\r\n\r\n", 501},
      {"gzip", post + "Transfer-Encoding: gzip\r\n\r\n", 501},
      {"gzip then chunked", post + "Transfer-Encoding: gzip, chunked\r\n\r\n", 400},
      {"chunked not last", post + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
      {"chunked twice", post + "Transfer-Encoding: chunked, chunked\r\n\r\n", 400},
      {"two codings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
       400},
      {"chunked, quoted", post + "Transfer-Encoding: \"chunked\"\r\n\r\n", 501},
      {"xchunked", post + "Transfer-Encoding: xchunked\r\n\r\n", 501},
      {"an empty coding", post + "Transfer-Encoding:\r\n\r\n", 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       400},
      {"obs-fold", get("/", "X: a\r\n b\r\n"), 400},
      {"obs-fold with a tab", get("/", "X: a\r\n\tb\r\n"), 400},
      {"space before the first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n", 400},
      {"bare LF at the end", "GET / HTTP/1.1\r\nHost: a\r\n\n", 400},
      {"bare CR in a value", get("/", "X: a\rb\r\n"), 400},
      {"bare CR after a header", "GET / HTTP/1.1\r\nHost: a\rX: y\r\n\r\n", 400},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400},
      {"two empty lines first", "\r\n\r\n" + get("/"), 400},
      {"a bare LF first", "\n" + get("/"), 400},
      {"space before the colon", get("/", "X : y\r\n"), 400},
      {"tab before the colon", get("/", "X\t: y\r\n"), 400},
      {"no colon", get("/", "XY\r\n"), 400},
      {"an empty name", get("/", ": y\r\n"), 400},
      {"a name with a slash", get("/", "X/Y: z\r\n"), 400},
      {"NUL in a value", get("/", std::string("X: a\0b\r\n", 8)), 400},
      {"NUL in a name", get("/", std::string("X\0: b\r\n", 7)), 400},
      {"NUL in the target", "GET /" + std::string(1, '\0') + " HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a control character", get("/", "X: a\x01\r\n"), 400},
      {"DEL", get("/", "X: a\x7f\r\n"), 400},
      {"a tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space in the target", get("/a b"), 400},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"RTSP", "DESCRIBE / RTSP/1.0\r\nHost: a\r\n\r\n", 400},
      {"GET by RTSP", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS by RTSP", "OPTIONS / RTSP/1.0\r\nHost: a\r\n\r\n", 400},
      {"POST by RTSP", "POST / RTSP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 400},
      {"ICE", "SOURCE / ICE/1.0\r\nHost: a\r\n\r\n", 400},
      {"GET by ICE", "GET / ICE/1.0\r\nHost: a\r\n\r\n", 400},
      {"a protocol in small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"a protocol with a tail", "GET / HTTPS/1.1\r\nHost: a\r\n\r\n", 400},
      {"an unknown protocol", "GET / SHTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no protocol", "GET / 1.1\r\nHost: a\r\n\r\n", 400},
      {"a small method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", get("/", "Host: b\r\n"), 400},
      {"two equal Hosts", get("/", "Host: a\r\n"), 400},
      {"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a Host with a user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"absolute-form, foreign", get("http://b/x"), 400},
      {"absolute-form, user", get("http://u@a/x"), 400},
      {"another scheme", get("ftp://a/x"), 400},
      {"authority-form", get("a:80"), 400},
      {"asterisk-form of GET", get("*"), 400},
      {"no leading slash", get("x"), 400},
      {"a fragment", get("/x#y"), 400},
      {"bytes over 127 in the target", get("/\xC3\xA9"), 400},
      {"half an escape", get("/%2"), 400},
      {"no escape", get("/%zz"), 400},
      {"half an escape in the query", get("/?a=%f"), 400},
      {"dot segment", get("/a/./b"), 400},
      {"dot dot", get("/a/../b"), 400},
      {"dot dot at the end", get("/a/.."), 400},
      {"dot dot, encoded", get("/a/%2e%2E/b"), 400},
      {"slash, encoded", get("/a%2Fb"), 400},
      {"backslash", get("/a%5Cb"), 400},
      {"NUL, encoded", get("/a%00b"), 400},
      {"newline, encoded", get("/a%0ab"), 400},
      {"bad UTF-8", get("/%ff"), 400},
      {"overlong UTF-8", get("/%c0%af"), 400},
      {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
      {"no chunk size", chunked("\r\n"), 400},
      {"a chunk size of letters", chunked("xyz\r\n"), 400},
      {"a signed chunk size", chunked("+1\r\nx\r\n0\r\n\r\n"), 400},
      {"a chunk size with 0x", chunked("0x1\r\nx\r\n0\r\n\r\n"), 400},
      {"a chunk size with a space", chunked("1 \r\nx\r\n0\r\n\r\n"), 400},
      {"a space before a chunk size", chunked(" 1\r\nx\r\n0\r\n\r\n"), 400},
      {"nine digits", chunked("000000001\r\nx\r\n0\r\n\r\n"), 400},
      {"an overflowing chunk size", chunked("10000000000000001\r\nx\r\n0\r\n\r\n"), 400},
      {"bare LF after a chunk size", chunked("1\nx\r\n0\r\n\r\n"), 400},
      {"bare CR after a chunk size", chunked("1\rx\r\n0\r\n\r\n"), 400},
      {"NUL in a chunk extension", chunked(std::string("1;\0\r\nx\r\n", 8)), 400},
      {"LF in a chunk extension", chunked("1;a\nb\r\nx\r\n0\r\n\r\n"), 400},
      {"an endless chunk extension", chunked("1;" + std::string(300, 'a')), 400},
      {"a chunk longer than said", chunked("1\r\nxy\r\n0\r\n\r\n"), 400},
      {"no CR after a chunk", chunked("1\r\nx\n0\r\n\r\n"), 400},
      {"bare LF in the trailers", chunked("0\r\n\n"), 400},
      {"a folded trailer", chunked("0\r\nX: y\r\n z\r\n\r\n"), 400},
      {"a trailer without a name", chunked("0\r\n: y\r\n\r\n"), 400},
      {"endless trailers", chunked("0\r\nX: " + std::string(20000, 'a')), 431},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const Outcome whole = parse(row.input);
    CHECK(whole.state == State::error);
    CHECK(whole.status == row.status);
    const Outcome bytewise = parse(row.input, 1);
    CHECK(bytewise.state == State::error);
    CHECK(bytewise.status == row.status);
    CHECK(bytewise.code == whole.code);
  }
}

TEST_CASE("accepted although unusual") {
  CHECK(parse(get("http://a/x?y")).request.path == "/x");
  CHECK(parse(get("HTTP://A")).request.path == "/");
  CHECK(parse(get("/a//b")).request.path == "/a//b");
  CHECK(parse(get("/...")).request.path == "/...");
  CHECK(parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").request.path == "*");
  CHECK(parse("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n").state == State::complete);
  CHECK(parse("PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n").request.method == Method::other);
  CHECK(parse(get("/", "X: caf\xC3\xA9\r\n")).request.header("x")->size() == 5);
  // RFC 9110 section 9.3.1: a body on GET has no meaning, but it is framed all the same.
  CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx").request.body == "x");
  CHECK(parse("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n")
            .request.body == "x");
}

TEST_CASE("limits") {
  const ParserLimits limits{.max_head = 200, .max_target = 50, .max_headers = 3, .max_body = 10};
  CHECK(parse(get("/" + std::string(60, 'a')), 0, limits).status == 414);
  CHECK(parse(get("/" + std::string(600, 'a')), 7, limits).status == 414);
  CHECK(parse(get("/", "X: " + std::string(200, 'a') + "\r\n"), 0, limits).status == 431);
  CHECK(parse(get("/", "A: b\r\nC: d\r\nE: f\r\n"), 0, limits).status == 431);
  CHECK(parse(get("/", "A: b\r\nC: d\r\n"), 0, limits).state == State::complete);
  const std::string post = "POST / HTTP/1.1\r\nHost: a\r\n";
  CHECK(parse(post + "Content-Length: 11\r\n\r\n", 0, limits).status == 413);
  CHECK(parse(post + "Content-Length: 10\r\n\r\n0123456789", 0, limits).state == State::complete);
  const std::string chunks = post + "Transfer-Encoding: chunked\r\n\r\n";
  CHECK(parse(chunks + "a\r\n0123456789\r\n0\r\n\r\n", 0, limits).state == State::complete);
  CHECK(parse(chunks + "b\r\n", 0, limits).status == 413);
  CHECK(parse(chunks + "a\r\n0123456789\r\n1\r\n", 0, limits).status == 413);
  CHECK(parse(chunks + "ffffffff\r\n", 0, limits).status == 413);
}

TEST_CASE("the limits count the same, whole and in pieces of every size") {
  const ParserLimits limits{.max_head = 80, .max_target = 20, .max_headers = 2};
  const std::vector<std::string> inputs = {
      get("/" + std::string(19, 'a')),
      get("/" + std::string(20, 'a')),
      get("/", "X: " + std::string(48, 'a') + "\r\n"),  // 80 bytes with the empty line
      get("/", "X: " + std::string(49, 'a') + "\r\n"),
      get("/", "A: b\r\n"),
      get("/", "A: b\r\nC: d\r\n"),
      "\r\n" + get("/", "A: b\r\n"),
      "\r\n\r\n" + get("/"),
      std::string(32, 'A') + " / HTTP/1.1\r\n\r\n",
      std::string(33, 'A') + " / HTTP/1.1\r\n\r\n",
      " / HTTP/1.1\r\n\r\n",
      "GET  HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1 \r\n\r\n",
      "GET / RTSP/1.0\r\n\r\n",
      "GET / HTTP/1.1\nHost: a\r\n\r\n",
      get("/", ": b\r\n"),
      get("/", "A : b\r\n"),
      get("/", "A: \x01\r\n"),
      get("/", "A: b\n"),
      get("/", " A: b\r\n"),
      get("/", "A:\r\n"),
  };
  for (const auto& input : inputs) {
    CAPTURE(input);
    const Outcome whole = parse(input, 0, limits);
    for (std::size_t piece = 1; piece < input.size(); ++piece) {
      CAPTURE(piece);
      const Outcome cut = parse(input, piece, limits);
      CHECK(cut.state == whole.state);
      CHECK(cut.code == whole.code);
      if (whole.state == State::complete) CHECK(cut.consumed == whole.consumed);
    }
  }
  CHECK(parse(inputs[0], 0, limits).state == State::complete);
  CHECK(parse(inputs[1], 0, limits).status == 414);
  CHECK(parse(inputs[2], 0, limits).state == State::complete);
  CHECK(parse(inputs[3], 0, limits).status == 431);
  CHECK(parse(inputs[4], 0, limits).state == State::complete);
  CHECK(parse(inputs[5], 0, limits).status == 431);
  CHECK(parse(inputs[6], 0, limits).state == State::complete);
}

TEST_CASE("a request does not see what the one before it on the thread has brought") {
  const std::string post = "POST /x HTTP/1.1\r\nHost: a\r\n";
  CHECK(parse(post + "X: y\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'z'))
            .request.body.size() == 300);
  const Outcome next = parse(post + "Content-Length: 2\r\n\r\nok");
  CHECK(next.request.body == "ok");
  CHECK(next.request.headers.size() == 2);
  CHECK(next.request.header("x") == nullptr);
  CHECK(parse(post + "Content-Length: 2\r\n\r\nok", 1).request.body == "ok");
  CHECK(parse(post + "\r\n").request.body.empty());
}

TEST_CASE("other protocols on this port are named in the hint") {
  const Outcome tls = parse(std::string("\x16\x03\x01\x02\x00\x01", 6));
  CHECK(tls.status == 400);
  CHECK(tls.code == "tls_on_plain_port");
  CHECK(parse("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").code == "http2_not_supported");
  CHECK(parse("SSH-2.0-OpenSSH_9.2\r\n").state == State::error);
  CHECK(parse(std::string(100, 'A')).status == 501);
}
