// What one client can make an HTTP server hold, and for how long.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "raw_client.h"
#include "server/http_connection.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using namespace std::chrono_literals;
using http::Method;
using http::Response;

namespace {

void add_bounded_routes(Router& router, TestServer&) {
  router.add({Method::post}, "/echo", [](Exchange& exchange) {
    exchange.respond(Response::text(200, std::to_string(exchange.request().body.size())));
  });
  router.add({Method::get}, "/large", [](Exchange& exchange) {
    exchange.respond(Response::text(200, std::string(50'000, 'l')));
  });
}

std::string pipelined_get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

std::string post_head(std::size_t length) {
  return "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(length) +
         "\r\n\r\n";
}

// HTTP, and how often it was given bytes: once in a turn, or less.
class CountsTurns final : public net::ConnectionHandler {
 public:
  CountsTurns(HttpServer& server, net::Connection& connection, int& turns)
      : http_(server, connection, net::Admission::normal), turns_(turns) {}

  void on_attached(net::Connection& connection) override { http_.on_attached(connection); }
  void on_data(net::Connection& connection, std::span<std::uint8_t> bytes) override {
    ++turns_;
    http_.on_data(connection, bytes);
  }
  void on_eof(net::Connection& connection) override { http_.on_eof(connection); }
  void on_drained(net::Connection& connection) override { http_.on_drained(connection); }
  void on_closed(net::Connection& connection, net::CloseReason reason) override {
    http_.on_closed(connection, reason);
  }

 private:
  HttpConnection http_;
  int& turns_;
};

}  // namespace

TEST_CASE_TEMPLATE("a client that reads nothing is answered as far as its queue goes, then later",
                   T, Plain, Tls) {
  TestServer server(T::kTls, add_bounded_routes);
  auto& budget = server.budget();
  RawClient deaf(server.port(), T::kTls);
  constexpr int kRequests = 2000;  // 100 MB of answers
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += pipelined_get("/large");
  std::thread sender([&] { CHECK(deaf.send(requests)); });
  CHECK(becomes([&] { return budget.used(base::MemoryPart::output) > 0; }));
  CHECK(budget.used(base::MemoryPart::output) < 400'000);
  CHECK_MESSAGE(RawClient(server.port(), T::kTls).send(pipelined_get("/large")),
                "others are served");
  if (T::kTls) sender.join();  // one thread at a time may use a TLS client
  for (int i = 0; i < kRequests; ++i) {
    REQUIRE(deaf.receive_answer().body.size() == 50'000);
    REQUIRE(budget.used() < 1'000'000);
  }
  if (!T::kTls) sender.join();
  CHECK(becomes([&] { return budget.used() == 0; }));
}

TEST_CASE_TEMPLATE("bodies that come in part are counted, and given back", T, Plain, Tls) {
  TestServer server(T::kTls, add_bounded_routes);
  auto& budget = server.budget();
  {
    std::vector<std::unique_ptr<RawClient>> halves;
    for (int i = 0; i < 10; ++i) {
      halves.push_back(std::make_unique<RawClient>(server.port(), T::kTls));
      halves.back()->send(post_head(200'000) + std::string(100'000, 'b'));
    }
    CHECK(becomes([&] { return budget.used(base::MemoryPart::input) >= 1'000'000; }));
    CHECK(budget.used(base::MemoryPart::input) < 1'500'000);
    halves.front()->send(std::string(100'000, 'b'));
    CHECK(halves.front()->receive_answer().body == "200000");
    CHECK(becomes([&] { return budget.used(base::MemoryPart::input) < 1'350'000; }));
  }
  CHECK(becomes([&] { return budget.used() == 0; }));
}

TEST_CASE("a body in thousands of chunks gets a share of each turn, and is answered") {
  TestServer server(false, add_bounded_routes);
  constexpr int kChunks = 3000;
  std::string request =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < kChunks; ++i) request += "1\r\nx\r\n";
  request += "0\r\n\r\n";
  int pair[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
  REQUIRE(::fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
  REQUIRE(::write(pair[1], request.data(), request.size()) == static_cast<ssize_t>(request.size()));
  // Written by the shard; read when the connection has closed.
  int turns = 0;
  server.on_shard(0, [&] {
    server.shards()[0]->adopt(
        net::make_plain_stream(pair[0]), std::make_shared<net::PortInfo>(server.http().port()),
        [&](net::Connection& connection) {
          return std::make_unique<CountsTurns>(server.http(), connection, turns);
        });
    return true;
  });
  CHECK(::shutdown(pair[1], SHUT_WR) == 0);
  std::string answer;
  char buffer[4096];
  for (ssize_t count = 0; (count = ::read(pair[1], buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(count));
  ::close(pair[1]);
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(answer.ends_with("\r\n\r\n3000"));
  server.on_shard(0, [] { return true; });
  CHECK(turns >= kChunks / (8 * http::RequestParser::kMostChunks));
}

TEST_CASE("over the budget large bodies are refused before they come, and small ones taken") {
  TestServer server(false, add_bounded_routes);
  server.budget().charge(base::MemoryPart::file, std::size_t{2} << 30U);
  RawClient large(server.port());
  large.send(post_head(100'000));
  const Answer refused = large.receive_answer();
  CHECK(refused.status == 503);
  CHECK(refused.header("retry-after") == "5");
  CHECK(refused.body.find("overloaded") != std::string::npos);
  RawClient small(server.port());
  small.send(post_head(3) + "abc");
  CHECK(small.receive_answer().body == "3");
  server.budget().release(base::MemoryPart::file, std::size_t{2} << 30U);
}

TEST_CASE("over the budget the largest partial body is cut, and the small one stays") {
  TestServer server(false, add_bounded_routes);
  RawClient small(server.port());
  small.send(post_head(10'000) + std::string(5'000, 's'));
  RawClient large(server.port());
  large.send(post_head(200'000) + std::string(150'000, 'l'));
  auto& budget = server.budget();
  CHECK(becomes([&] { return budget.used(base::MemoryPart::input) >= 155'000; }));
  budget.charge(base::MemoryPart::file, (std::size_t{1} << 30U) - 100'000);
  small.send("s");  // any turn of the loop
  CHECK_MESSAGE(large.receive_all().empty(), "cut without an answer");
  budget.release(base::MemoryPart::file, (std::size_t{1} << 30U) - 100'000);
  small.send(std::string(4'999, 's'));
  CHECK(small.receive_answer().body == "10000");
}

TEST_CASE("a body may come slowly as long as it comes") {
  ServerSetup setup;
  setup.http.body_timeout = 5s;
  TestServer server(false, add_bounded_routes, setup);
  RawClient slow(server.port());
  // Far more than 50 bytes a second, and longer than the timeout in all.
  constexpr std::size_t kPieces = 60;
  slow.send(post_head(kPieces * 1000));
  for (std::size_t i = 0; i < kPieces; ++i) {
    slow.send(std::string(1000, 'p'));
    std::this_thread::sleep_for(100ms);
  }
  CHECK(slow.receive_answer().body == std::to_string(kPieces * 1000));
}

TEST_CASE_TEMPLATE(
    "pipelined requests beyond a turn's share are answered in order, also after the "
    "client has finished sending",
    T, Plain, Tls) {
  TestServer server(T::kTls, add_bounded_routes);
  RawClient client(server.port(), T::kTls);
  std::string requests;
  for (std::size_t i = 0; i < 300; ++i) requests += post_head(i) + std::string(i, 'x');
  REQUIRE(client.send(requests));
  client.finish_writing();
  for (std::size_t i = 0; i < 300; ++i) {
    const Answer answer = client.receive_answer();
    REQUIRE(answer.body == std::to_string(i));
  }
  CHECK(client.receive_all().empty());
}
