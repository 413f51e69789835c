// A server on several ports: one set of routes, rules and limits, and a root for each dialect.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "raw_client.h"
#include "server/static_pages.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using http::Method;
using http::Response;

namespace {

// The ports of `setup`, by index.
constexpr std::size_t kMain = 0;
constexpr std::size_t kAlike = 1;
constexpr std::size_t kRaw = 2;
constexpr std::size_t kPorts = 3;

net::ListenOptions with_label(const std::string& label, const std::string& address = "127.0.0.1") {
  net::ListenOptions options;
  options.address = address;
  options.label = label;
  return options;
}

ServerSetup setup() {
  static constexpr std::array<PageFile, 1> kFiles{{{"index.html", "text/html", "demo", "\"1\""}}};
  ServerSetup setup;
  setup.further = {with_label(""), with_label("raw")};
  setup.pages = std::make_shared<StaticPages>(kFiles);
  return setup;
}

void add_routes(Router& router, TestServer&) {
  router.add({Method::get}, "/port", [](Exchange& exchange) {
    exchange.respond(Response::text(200, "[" + exchange.port_label() + "]"));
  });
  router.add_root("raw", [](Exchange& exchange) {
    auto& request = exchange.request();
    exchange.respond(Response::text(200, request.method_name + " " + request.query + " " +
                                             request.body + " " + exchange.port_label()));
  });
}

Answer ask(std::uint16_t port, const std::string& line, const std::string& headers = {},
           bool tls = false) {
  RawClient client(port, tls);
  client.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  return client.receive_answer(line.starts_with("HEAD"));
}

bool is_open(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool opened =
      ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return opened;
}

}  // namespace

TEST_CASE_TEMPLATE("a port with a dialect has its root at /, and all else as the main port", T,
                   Plain, Tls) {
  TestServer server(T::kTls, add_routes, setup());
  const auto tell = [&](std::size_t port, const std::string& line,
                        const std::string& headers = {}) {
    return ask(server.port(port), line, headers, T::kTls);
  };
  REQUIRE(server.http().port_count() == kPorts);
  CHECK(tell(kMain, "GET /").body == "demo");
  CHECK(tell(kAlike, "GET /").body == "demo");
  CHECK(tell(kRaw, "GET /").body == "GET   raw");
  CHECK(tell(kRaw, "GET /?room=a").body == "GET room=a  raw");
  CHECK(tell(kRaw, "HEAD /").header("content-length") == "10");  // of "HEAD   raw"
  CHECK(tell(kRaw, "POST /", "Content-Length: 2\r\n\r\nhi").body == "POST  hi raw");
  CHECK(tell(kRaw, "OPTIONS /").header("allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(tell(kMain, "POST /", "Content-Length: 0\r\n").status == 405);
  const Answer refused = tell(kRaw, "PUT /", "Content-Length: 0\r\n");
  CHECK(refused.status == 405);
  CHECK(refused.header("allow") == "GET, HEAD, POST, OPTIONS");

  CHECK(tell(kMain, "GET /port").body == "[]");
  CHECK(tell(kAlike, "GET /port").body == "[]");
  CHECK(tell(kRaw, "GET /port").body == "[raw]");
  CHECK(tell(kRaw, "GET /index.html").body == "demo");
  CHECK(tell(kRaw, "GET /a/b").status == 404);
}

TEST_CASE("each request of a connection hears of its port") {
  TestServer server(false, add_routes, setup());
  RawClient client(server.port(kRaw));
  for (int i = 0; i < 3; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET /port HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK(client.receive_answer().body == "GET   raw");
    CHECK(client.receive_answer().status == 421);
  }
}

TEST_CASE("the access rules hold on each port") {
  ServerSetup all = setup();
  all.further.push_back(with_label("", "0.0.0.0"));
  constexpr std::size_t kEverywhere = kPorts;
  all.access.public_origins = {"https://call.example.org"};
  TestServer server(false, add_routes, all);
  const auto status = [&](std::size_t port, const std::string& headers) {
    RawClient client(server.port(port));
    client.send("GET /port HTTP/1.1\r\n" + headers + "\r\n");
    return client.receive_answer().status;
  };
  const auto host_of = [&](const std::string& name, std::size_t port) {
    return name + ":" + std::to_string(server.port(port));
  };
  for (std::size_t port = 0; port <= kEverywhere; ++port) {
    CAPTURE(port);
    const bool is_loopback = port != kEverywhere;
    const std::string host = "Host: " + host_of("localhost", port) + "\r\n";
    CHECK(status(port, host) == 200);
    CHECK(status(port, host + "Origin: https://evil.example.com\r\n") == 403);
    CHECK(status(port, host + "Origin: https://call.example.org\r\n") == 200);
    CHECK(status(port, host + "Sec-Fetch-Site: cross-site\r\n") == 403);
    // Its own page, and that of another port: of one machine's pages only on loopback.
    CHECK(status(port, host + "Origin: http://" + host_of("localhost", port) + "\r\n") == 200);
    const std::size_t other = port == kMain ? kRaw : kMain;
    CHECK(status(port, host + "Origin: http://" + host_of("localhost", other) + "\r\n") ==
          (is_loopback ? 200 : 403));
    // DNS rebinding is about ports that are bound to loopback, whatever the main port is.
    const std::string lan = "Host: " + host_of("gateway.lan", port) + "\r\n";
    CHECK(status(port, lan) == (is_loopback ? 421 : 200));
    CHECK(status(port, lan + "Origin: http://" + host_of("gateway.lan", port) + "\r\n") ==
          (is_loopback ? 421 : 200));
    CHECK(status(port, lan + "Origin: http://" + host_of("gateway.lan", other) + "\r\n") ==
          (is_loopback ? 421 : 403));
  }
  // A root is checked as any route is.
  CHECK(ask(server.port(kRaw), "GET /", "Origin: https://evil.example.com\r\n").status == 403);
  CHECK(
      ask(server.port(kRaw), "GET /", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n")
          .status == 403);
}

TEST_CASE("the limits of connections are of all ports together") {
  ServerSetup few = setup();
  few.limits.per_address = 1;
  TestServer server(false, add_routes, few);
  RawClient first(server.port(kMain));
  first.send("GET /port HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(first.receive_answer().status == 200);
  CHECK(ask(server.port(kRaw), "GET /").status == 429);
  CHECK(ask(server.port(kAlike), "GET /port").status == 429);
}

TEST_CASE("all ports stop and drain together") {
  ServerSetup two = setup();
  two.shards = 2;
  TestServer server(false, add_routes, two);
  std::array<std::unique_ptr<RawClient>, kPorts> idle;
  for (std::size_t port = 0; port < kPorts; ++port) {
    idle[port] = std::make_unique<RawClient>(server.port(port));
    idle[port]->send("GET /port HTTP/1.1\r\nHost: localhost\r\n\r\n");
    CHECK(idle[port]->receive_answer().status == 200);
  }
  server.http().drain();
  for (std::size_t port = 0; port < kPorts; ++port) {
    CAPTURE(port);
    CHECK(idle[port]->is_closed_by_server());
    CHECK(becomes([&] { return !is_open(server.port(port)); }));
  }
}

TEST_CASE("a further port that is in use is an error with its address") {
  TestServer other(false, add_routes);
  base::MemoryBudget budget(1U << 30U);
  net::Shards shards;
  shards.push_back(std::make_unique<net::Shard>(0, budget));
  HttpServer server(shards, {}, std::make_shared<Router>(),
                    std::make_shared<AccessPolicy>(AccessOptions{}),
                    std::make_shared<net::ConnectionLimits>(net::ConnectionLimits::Options{}));
  net::ListenOptions options;
  options.port = 0;
  CHECK_FALSE(server.listen(options).has_value());
  options.port = other.port();
  CHECK(server.listen(options) ==
        "Cannot listen on 127.0.0.1:" + std::to_string(other.port()) + ": Address already in use.");
  // One of its own is no silent share either.
  options.port = server.port().local.port();
  CHECK(server.listen(options).value_or("").ends_with(": Address already in use."));
  CHECK(server.port_count() == 1);
}
