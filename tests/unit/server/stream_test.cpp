// Answers that come bit by bit, and connections that are given away.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "net/shard.h"
#include "raw_client.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using namespace std::chrono_literals;
using http::Method;
using http::Response;
using http::StreamWriter;

namespace {

using Writer = std::shared_ptr<StreamWriter>;

std::string stream_request(const std::string& target, const std::string& version = "1.1") {
  return "GET " + target + " HTTP/" + version + "\r\nHost: localhost\r\n\r\n";
}

// Streams at /stream, whose writer it hands to the test.
struct Streams {
  Awaited<Writer> writers;
  Awaited<std::string> gone;

  void add(Router& router) {
    router.add({Method::get, Method::head}, "/stream", [this](Exchange& exchange) {
      exchange.on_gone([this] { gone.set("gone"); });
      Writer writer = exchange.begin_stream(Response(200, "text/event-stream", "hello\n"));
      writers.set(std::move(writer));
    });
    router.add({Method::get}, "/plain",
               [](Exchange& exchange) { exchange.respond(Response::text(200, "plain")); });
  }
};

}  // namespace

TEST_CASE_TEMPLATE("a stream to HTTP/1.1 is chunked, ends, and the connection goes on", T, Plain,
                   Tls) {
  Streams streams;
  TestServer server(T::kTls, [&](Router& router, TestServer&) { streams.add(router); });
  RawClient client(server.port(), T::kTls);
  client.send(stream_request("/stream") + stream_request("/plain"));
  CHECK(client.receive_until("hello\n\r\n").value_or("").find("Transfer-Encoding: chunked") !=
        std::string::npos);
  const Writer writer = streams.writers.get();
  CHECK_FALSE(writer->is_closed());
  const auto shared = std::make_shared<const std::string>("shared");
  writer->write(shared);
  CHECK(client.receive_until("\r\nshared\r\n") == "6\r\nshared\r\n");
  writer->write("");  // an empty chunk would have ended it
  writer->write(std::string(100'000, 'x'));
  CHECK(client.receive_until("x\r\n").value_or("").size() == 100'000 + 9);
  writer->end();
  writer->write("too late");
  CHECK(client.receive_until("\r\n\r\n") == "0\r\n\r\n");
  CHECK(client.receive_answer().body == "plain");
  CHECK(writer->is_closed());
  CHECK(streams.gone.count() == 0);
}

TEST_CASE_TEMPLATE("a stream to HTTP/1.0 is raw and ends with the connection", T, Plain, Tls) {
  Streams streams;
  TestServer server(T::kTls, [&](Router& router, TestServer&) { streams.add(router); });
  RawClient client(server.port(), T::kTls);
  client.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const Writer writer = streams.writers.get();
  writer->write("one ");
  writer->write("two");
  writer->end();
  const Answer answer = client.receive_answer();
  CHECK(answer.header("transfer-encoding") == "");
  CHECK(answer.header("content-length") == "");
  CHECK(answer.header("connection") == "close");
  CHECK(answer.body == "hello\none two");
}

TEST_CASE("HEAD for a stream gets the head, and the stream is closed from the start") {
  Streams streams;
  TestServer server(false, [&](Router& router, TestServer&) { streams.add(router); });
  RawClient client(server.port());
  client.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\n\r\n" + stream_request("/plain"));
  CHECK(client.receive_answer(true).header("transfer-encoding") == "chunked");
  const Writer writer = streams.writers.get();
  CHECK(writer->is_closed());
  writer->write("nothing");
  writer->end();
  CHECK(client.receive_answer().body == "plain");
}

TEST_CASE_TEMPLATE("the client of a stream goes away", T, Plain, Tls) {
  Streams streams;
  TestServer server(T::kTls, [&](Router& router, TestServer&) { streams.add(router); });
  RawClient client(server.port(), T::kTls);
  client.send(stream_request("/stream"));
  const Writer writer = streams.writers.get();
  client.close();
  CHECK(streams.gone.get() == "gone");
  CHECK(writer->is_closed());
  writer->write("x");
  writer->end();
  writer->abort();

  RawClient other(server.port(), T::kTls);
  other.send(stream_request("/stream"));
  streams.writers.get()->abort();
  CHECK_FALSE(other.receive_answer().is_complete);
  CHECK(server.on_shard(0, [&] { return streams.gone.count(); }) == 1);
}

TEST_CASE("the bytes that a slow reader has not taken can be seen, and are all delivered") {
  Streams streams;
  TestServer server(false, [&](Router& router, TestServer&) { streams.add(router); });
  RawClient client(server.port());
  client.send(stream_request("/stream", "1.0"));
  const Writer writer = streams.writers.get();
  constexpr std::size_t kPiece = 1 << 20;
  const auto piece = std::make_shared<const std::string>(kPiece, 'x');
  for (int i = 0; i < 32; ++i) writer->write(piece);
  // Whether still between the threads or in the queue: it is counted.
  CHECK(writer->queued_bytes() > 16 * kPiece);
  server.on_shard(0, [] { return 0; });
  CHECK(writer->queued_bytes() > 8 * kPiece);
  writer->end();
  CHECK(client.receive_answer().body.size() == 32 * kPiece + 6);
}

TEST_CASE_TEMPLATE("a client that reads nothing is cut after the write timeout", T, Plain, Tls) {
  Streams streams;
  ServerSetup setup;
  setup.connections.write_timeout = 100ms;
  TestServer server(
      T::kTls, [&](Router& router, TestServer&) { streams.add(router); }, setup);
  RawClient client(server.port(), T::kTls);
  client.send(stream_request("/stream"));
  const Writer writer = streams.writers.get();
  for (int i = 0; i < 64; ++i) writer->write(std::string(1 << 20, 'x'));
  CHECK(streams.gone.get() == "gone");
  CHECK(writer->is_closed());
}

TEST_CASE("streams are written from many threads while clients come and go") {
  Streams streams;
  ServerSetup setup;
  setup.shards = 2;
  TestServer server(
      false, [&](Router& router, TestServer&) { streams.add(router); }, setup);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        RawClient client(server.port());
        client.send(stream_request("/stream"));
        const Writer writer = streams.writers.get();
        for (int n = 0; n < 10; ++n) writer->write("event\n");
        if ((round + i) % 2 == 0) {
          client.close();
          continue;
        }
        writer->end();
        client.receive_more();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

namespace {

// Speaks after the upgrade: repeats what it hears in capitals, until it hears "bye".
class Shouter final : public net::ConnectionHandler {
 public:
  explicit Shouter(Awaited<std::string>& closed) : closed_(closed) {}

  void on_attached(net::Connection& connection) override { connection.write("attached\n"); }
  void on_data(net::Connection& connection, std::span<std::uint8_t> bytes) override {
    std::string text(bytes.begin(), bytes.end());
    std::transform(text.begin(), text.end(), text.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    connection.write(text);
    if (text.find("BYE") != std::string::npos) connection.close_after_flush();
    if (text.find("CUT") != std::string::npos) connection.abort();
  }
  void on_closed(net::Connection&, net::CloseReason reason) override {
    closed_.set(std::string(net::to_string(reason)));
  }

 private:
  Awaited<std::string>& closed_;
};

}  // namespace

TEST_CASE_TEMPLATE("an upgrade hands over the connection with the bytes that came along", T, Plain,
                   Tls) {
  Awaited<std::string> closed;
  Awaited<std::string> gone;
  TestServer server(T::kTls, [&](Router& router, TestServer&) {
    router.add({Method::get}, "/shout", [&](Exchange& exchange) {
      exchange.on_gone([&] { gone.set("gone"); });
      Response head(101);
      head.set("Connection", "Upgrade");
      head.set("Upgrade", "shout");
      exchange.upgrade(std::move(head), std::make_unique<Shouter>(closed));
      exchange.respond(Response(500));  // ignored
    });
  });
  const std::string request =
      "GET /shout HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n";
  const std::string expected_end = "attached\nFIRST";
  // The bytes that follow the request arrive with it, in part with it, or later.
  for (std::size_t at = request.size() - 1; at <= request.size() + 5; ++at) {
    CAPTURE(at);
    RawClient client(server.port(), T::kTls);
    const std::string input = request + "first";
    client.send(input.substr(0, at));
    client.send(input.substr(at));
    const auto head = client.receive_until("\r\n\r\n");
    CHECK(head.value_or("").starts_with("HTTP/1.1 101 Switching Protocols\r\n"));
    CHECK(head.value_or("").find("\r\nUpgrade: shout\r\n") != std::string::npos);
    CHECK(head.value_or("").find("Content-Length") == std::string::npos);
    CHECK(client.receive_exactly(expected_end.size()) == expected_end);
    client.send("more, bye");
    CHECK(client.receive_all() == "MORE, BYE");
    client.close();
    CHECK(closed.get() == "local");
  }
  RawClient cut(server.port(), T::kTls);
  cut.send(request + "cut");
  CHECK(closed.get() == "local");
  RawClient leaving(server.port(), T::kTls);
  leaving.send(request);
  leaving.receive_until("attached\n");
  leaving.close();
  CHECK(closed.get() == "peer_closed");
  CHECK(gone.count() == 0);
}
