// The Nth step on a stream fails, or does only a little, in a loop over N: whatever happens, the
// request's route hears at most once that the client has gone, and the connection is closed once.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "net/connection_limits.h"
#include "server/http_connection.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using http::Method;
using http::Response;

namespace {

// Moves one byte at a time and fails at the step it was told.
class FaultyStream final : public net::Stream {
 public:
  FaultyStream(int descriptor, int fail_at, std::function<void()> closed)
      : Stream(descriptor),
        inner_(net::make_plain_stream(descriptor)),
        fail_at_(fail_at),
        closed_(std::move(closed)) {}
  ~FaultyStream() override { closed_(); }

  bool is_tls() const override { return true; }  // so that there is a handshake to fail
  bool has_buffered_input() const override { return true; }
  net::IoResult handshake() override { return fails() ? failure() : net::IoResult(); }
  net::IoResult try_read(std::span<std::uint8_t> into) override {
    return fails() ? failure() : inner_->try_read(into.first(1));
  }
  net::IoResult try_write(std::span<const iovec> parts) override {
    if (fails()) return failure();
    const iovec one{parts.front().iov_base, 1};
    return inner_->try_write({&one, 1});
  }
  void shutdown_write() override { inner_->shutdown_write(); }

 private:
  bool fails() { return ++step_ == fail_at_; }
  static net::IoResult failure() {
    net::IoResult result;
    result.error = std::make_error_code(std::errc::connection_reset);
    return result;
  }

  std::unique_ptr<net::Stream> inner_;
  const int fail_at_;
  const std::function<void()> closed_;
  int step_ = 0;
};

}  // namespace

TEST_CASE("every step of an exchange fails once") {
  const std::string requests =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: "
      "2\r\n\r\nhi"
      "GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  int reached_the_end = 0;
  for (int fail_at = 1; reached_the_end < 2 && fail_at < 2000; ++fail_at) {
    CAPTURE(fail_at);
    int gone = 0;
    int handled = 0;
    int closed = 0;
    auto router = std::make_shared<Router>();
    router->add({Method::post}, "/echo", [&](Exchange& exchange) {
      ++handled;
      CHECK(exchange.request().body == "hi");
      exchange.on_gone([&] { ++gone; });
      exchange.respond(Response::text(200, exchange.request().body));
    });
    router->add({Method::get}, "/stream", [&](Exchange& exchange) {
      ++handled;
      exchange.on_gone([&] { ++gone; });
      auto writer = exchange.begin_stream(Response(200, "text/plain", "a"));
      writer->write("b");
      writer->end();
    });
    base::MemoryBudget budget(1U << 30U);
    net::Shards shards;
    shards.push_back(std::make_unique<net::Shard>(0, budget));
    HttpServer server(shards, {}, router, std::make_shared<AccessPolicy>(AccessOptions{}),
                      std::make_shared<net::ConnectionLimits>(net::ConnectionLimits::Options{}));
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(::fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    REQUIRE(::write(pair[1], requests.data(), requests.size()) ==
            static_cast<ssize_t>(requests.size()));
    ::shutdown(pair[1], SHUT_WR);
    auto stream = std::make_unique<FaultyStream>(pair[0], fail_at, [&] {
      ++closed;
      shards[0]->stop();
    });
    shards[0]->adopt(
        std::move(stream), std::make_shared<net::PortInfo>(), [&](net::Connection& connection) {
          return std::make_unique<HttpConnection>(server, connection, net::Admission::normal);
        });
    // Beside it, because single bytes fill a socket's buffer soon.
    std::string answer;
    std::thread reader([&] {
      char buffer[4096];
      for (ssize_t count = 0; (count = ::read(pair[1], buffer, sizeof buffer)) > 0;) {
        answer.append(buffer, static_cast<std::size_t>(count));
      }
    });
    shards[0]->run();
    reader.join();
    ::close(pair[1]);
    CHECK(closed == 1);
    CHECK(handled <= 2);
    CHECK(gone == 0);  // every answer was complete before anything could break
    if (answer.ends_with("0\r\n\r\n")) ++reached_the_end;
  }
  CHECK(reached_the_end == 2);
}
