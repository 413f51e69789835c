// What a port does with connections: limits, running out of descriptors, TLS certificates.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "net/shard.h"
#include "raw_client.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using namespace std::chrono_literals;
using http::Method;
using http::Response;

namespace {

void add_hello(Router& router, TestServer&) {
  router.add({Method::get}, "/hello",
             [](Exchange& exchange) { exchange.respond(Response::text(200, "hello")); });
}

const std::string kHello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

}  // namespace

TEST_CASE("a second server on the same port is an error and no silent share") {
  ServerSetup setup;
  setup.shards = 2;
  TestServer server(false, add_hello, setup);
  base::MemoryBudget budget(1U << 30U);
  net::Shards shards;
  shards.push_back(std::make_unique<net::Shard>(0, budget));
  shards.push_back(std::make_unique<net::Shard>(1, budget));
  net::ListenOptions options;
  options.port = server.port();
  auto opened = net::Listener::open(
      options, shards, std::make_shared<net::ConnectionLimits>(net::ConnectionLimits::Options{}),
      [](net::Connection&, net::Admission) { return nullptr; });
  const auto* error = std::get_if<std::string>(&opened);
  REQUIRE(error != nullptr);
  CHECK(*error == "Cannot listen on 127.0.0.1:" + std::to_string(server.port()) +
                      ": Address already in use.");
}

TEST_CASE("an address that is none is an error that says so") {
  base::MemoryBudget budget(1U << 30U);
  net::Shards shards;
  shards.push_back(std::make_unique<net::Shard>(0, budget));
  net::ListenOptions options;
  options.address = "localhost";
  auto opened = net::Listener::open(options, shards, nullptr, {});
  REQUIRE(std::holds_alternative<std::string>(opened));
  CHECK(std::get<std::string>(opened).find("\"localhost\"") != std::string::npos);
}

TEST_CASE("several shards share one port") {
  ServerSetup setup;
  setup.shards = 2;
  Awaited<base::ShardIndex> seen;
  TestServer server(
      false,
      [&](Router& router, TestServer&) {
        router.add({Method::get}, "/hello", [&](Exchange& exchange) {
          seen.set(exchange.id().shard);
          CHECK(exchange.connection().shard().is_current_thread());
          exchange.respond(Response(204));
        });
      },
      setup);
  bool hit[2] = {false, false};
  for (int i = 0; i < 200 && !(hit[0] && hit[1]); ++i) {
    RawClient client(server.port());
    client.send(kHello);
    CHECK(client.receive_answer().status == 204);
    hit[seen.get()] = true;
  }
  CHECK(hit[0]);
  CHECK(hit[1]);
}

TEST_CASE("a connection has its peer's address and the options of its port") {
  Awaited<net::Address> peer;
  TestServer server(false, [&](Router& router, TestServer&) {
    router.add({Method::get}, "/hello", [&](Exchange& exchange) {
      peer.set(exchange.connection().peer());
      exchange.respond(Response(204));
    });
  });
  RawClient client(server.port());
  client.send(kHello);
  CHECK(client.receive_answer().status == 204);
  const net::Address seen = peer.get();
  // The server's end is among the descriptors of this process.
  int found = 0;
  for (int descriptor = 3; descriptor < 1024; ++descriptor) {
    sockaddr_storage far{};
    socklen_t size = sizeof far;
    const bool is_server_end =
        net::Address::local_of(descriptor).port() == server.port() &&
        ::getpeername(descriptor, reinterpret_cast<sockaddr*>(&far), &size) == 0;
    if (!is_server_end) continue;
    ++found;
    CHECK(net::Address::from_sockaddr(reinterpret_cast<const sockaddr&>(far)) == seen);
    const auto option = [&](int name) {
      int value = 0;
      socklen_t length = sizeof value;
      CHECK(::getsockopt(descriptor, IPPROTO_TCP, name, &value, &length) == 0);
      return value;
    };
    CHECK(option(TCP_NODELAY) != 0);
    CHECK(std::chrono::milliseconds(option(TCP_USER_TIMEOUT)) ==
          server.http().port().connections.user_timeout);
  }
  CHECK(found == 1);
}

TEST_CASE("connections that come all at once are all accepted") {
  TestServer server(false, add_hello);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(std::make_unique<RawClient>(server.port()));
  for (const auto& client : clients) client->send(kHello);
  for (const auto& client : clients) CHECK(client->receive_answer().status == 200);
}

TEST_CASE_TEMPLATE("over the connection limit: idle ones make room, else 503 with Retry-After", T,
                   Plain, Tls) {
  Awaited<http::ExchangeId> parked;
  ServerSetup setup;
  setup.limits.total = 2;
  setup.limits.refusals = 1;
  TestServer server(
      T::kTls,
      [&](Router& router, TestServer& self) {
        add_hello(router, self);
        router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
      },
      setup);
  RawClient idle(server.port(), T::kTls);
  idle.send(kHello);
  CHECK(idle.receive_answer().status == 200);
  RawClient first(server.port(), T::kTls);
  first.send("GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto first_id = parked.get();
  RawClient second(server.port(), T::kTls);
  second.send("GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
  parked.get();
  CHECK(idle.receive_all() == "");
  RawClient third(server.port(), T::kTls);
  third.send(kHello);
  const Answer refused = third.receive_answer();
  CHECK(refused.status == 503);
  CHECK(refused.header("retry-after") == "5");
  CHECK(refused.body.find("overloaded") != std::string::npos);
  CHECK(third.is_closed_by_server());
  third.close();
  // Room again.
  server.http().respond(first_id, Response(204));
  CHECK(first.receive_answer().status == 204);
  RawClient fourth(server.port(), T::kTls);
  fourth.send(kHello);
  CHECK(fourth.receive_answer().status == 200);
}

TEST_CASE("a new connection is about to ask, and only one that stays silent makes room") {
  ServerSetup setup;
  setup.limits.total = 1;
  setup.limits.refusals = 1;
  for (const bool is_prompt : {true, false}) {
    setup.http.head_timeout = is_prompt ? 10s : 50ms;
    TestServer server(false, add_hello, setup);
    RawClient first(server.port());
    const auto idle = [&] { return server.shards()[0]->idle_count(); };
    while (!is_prompt && server.on_shard(0, idle) == 0) std::this_thread::sleep_for(1ms);
    RawClient second(server.port());
    second.send(kHello);
    CHECK(second.receive_answer().status == (is_prompt ? 503 : 200));
    if (is_prompt) {
      first.send(kHello);
      CHECK(first.receive_answer().status == 200);
    } else {
      CHECK(first.receive_all() == "");
    }
  }
}

TEST_CASE("one who is refused and does not ask in time is told so, and makes room for the next") {
  ServerSetup setup;
  setup.limits.total = 1;
  setup.limits.refusals = 1;
  setup.http.head_timeout = 200ms;
  Awaited<http::ExchangeId> parked;
  TestServer server(
      false,
      [&](Router& router, TestServer&) {
        router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
      },
      setup);
  RawClient first(server.port());
  first.send("GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
  parked.get();
  for (const char* said : {"", "GET /he", ""}) {
    RawClient slow(server.port());
    slow.send(said);
    CHECK(slow.receive_answer().status == 503);
    CHECK(slow.is_closed_by_server());
  }
}

TEST_CASE("one address cannot hold every place, not even with connections that are refused") {
  ServerSetup setup;
  setup.limits.total = 6;
  setup.limits.refusals = 2;
  setup.limits.per_address = 3;
  setup.limits.address_refusals = 1;
  TestServer server(false, add_hello, setup);
  std::vector<std::unique_ptr<RawClient>> held;  // none says anything
  for (int i = 0; i < 4; ++i) held.push_back(std::make_unique<RawClient>(server.port()));
  while (server.http().connection_count() < 4) std::this_thread::sleep_for(1ms);
  // Told at once, although the request is not there yet, and held no longer.
  for (int i = 0; i < 4; ++i) {
    RawClient more(server.port());
    const Answer answer = more.receive_answer();
    CHECK(answer.status == 429);
    CHECK(answer.header("retry-after") == "5");
    CHECK(answer.body.find("--max-connections-per-address") != std::string::npos);
    CHECK(more.is_closed_by_server());
  }
  // The server notices a moment later that the last of them has closed, too.
  for (int i = 0; i < 2000 && server.http().connection_count() != 4; ++i)
    std::this_thread::sleep_for(10ms);
  CHECK(server.http().connection_count() == 4);
}

TEST_CASE("too many connections from one address: 429, unless the address is exempt") {
  for (const bool is_exempt : {false, true}) {
    ServerSetup setup;
    setup.limits.per_address = 1;
    setup.limits.exempt = [=](const net::Address&) { return is_exempt; };
    TestServer server(false, add_hello, setup);
    RawClient first(server.port());
    first.send(kHello);
    CHECK(first.receive_answer().status == 200);
    {
      RawClient second(server.port());
      second.send(kHello);
      const Answer answer = second.receive_answer();
      CHECK(answer.status == (is_exempt ? 200 : 429));
      CHECK(answer.header("retry-after") == (is_exempt ? "" : "5"));
    }
    first.send(kHello);
    CHECK(first.receive_answer().status == 200);
  }
}

namespace {

// In a child of its own, because the limit is the process's. Returns 0 when all is well, else the
// number of the step that failed.
int survive_without_descriptors() {
  std::promise<http::ExchangeId> parked;
  TestServer server(false, [&](Router& router, TestServer& self) {
    add_hello(router, self);
    router.add({Method::get}, "/park",
               [&](Exchange& exchange) { parked.set_value(exchange.id()); });
  });
  RawClient busy(server.port());
  busy.send("GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const http::ExchangeId id = parked.get_future().get();
  RawClient idle(server.port());
  idle.send(kHello);
  if (idle.receive_answer().status != 200) return 1;
  RawClient newcomer_one(server.port());
  newcomer_one.send(kHello);
  if (newcomer_one.receive_answer().status != 200) return 2;

  // Use up every descriptor but one, which the next client's own socket takes: the server then has
  // none to accept with.
  const auto make_client = [&] { return std::make_unique<RawClient>(server.port()); };
  const rlimit limit{64, 64};
  setrlimit(RLIMIT_NOFILE, &limit);
  std::vector<int> filler;
  const auto fill_but_one = [&] {
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) filler.push_back(fd);
    if (filler.empty()) ::_exit(99);
    ::close(filler.back());
    filler.pop_back();
  };
  fill_but_one();

  // The two idle connections are closed to make room, so this one gets in.
  const auto saved = make_client();
  saved->send(kHello);
  if (saved->receive_answer().status != 200) return 3;
  if (!idle.is_closed_by_server()) return 4;
  // In the middle of its next request it is not idle any more, and nothing else is.
  newcomer_one.close();
  saved->send("GET /hel");
  while (server.on_shard(0, [&] { return server.shards()[0]->idle_count(); }) != 0) {
  }
  fill_but_one();
  const auto refused = make_client();
  refused->send(kHello);
  const Answer answer = refused->receive_answer();
  if (answer.status != 503 || answer.header("retry-after") != "5") return 6;
  // Those who were there are served on.
  saved->send("lo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  if (saved->receive_answer().status != 200) return 7;
  server.http().respond(id, Response::text(200, "parked"));
  if (busy.receive_answer().body != "parked") return 8;
  for (const int fd : filler) ::close(fd);
  return 0;
}

}  // namespace

TEST_CASE("running out of descriptors is survived") {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::alarm(30);
    ::_exit(survive_without_descriptors());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("plain HTTP on a TLS port is told so") {
  TestServer server(true, add_hello);
  RawClient client(server.port());
  client.send(kHello);
  const Answer answer = client.receive_answer();
  CHECK(answer.status == 400);
  CHECK(answer.body.find("https://") != std::string::npos);
  CHECK(client.is_closed_by_server());
}

TEST_CASE("TLS on a plain port is told so") {
  TestServer server(false, add_hello);
  RawClient client(server.port());
  client.send(std::string("\x16\x03\x01\x00\xf4\x01\x00\x00\xf0\x03\x03", 11));
  CHECK(client.receive_answer().body.find("tls_on_plain_port") != std::string::npos);
}

TEST_CASE("a TLS handshake that never ends is cut") {
  ServerSetup setup;
  setup.connections.handshake_timeout = 50ms;
  TestServer server(true, add_hello, setup);
  RawClient client(server.port());
  client.send(std::string("\x16\x03\x01", 3));
  CHECK(client.receive_all() == "");
}

namespace {

std::string fingerprint(const RawClient& client) {
  X509* certificate = SSL_get1_peer_certificate(client.ssl());
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest, &size);
  X509_free(certificate);
  return std::string(reinterpret_cast<char*>(digest), size);
}

}  // namespace

TEST_CASE("a new certificate is for new connections; a bad one changes nothing") {
  TestServer server(true, add_hello);
  RawClient before(server.port(), true);
  const std::string old_print = fingerprint(before);

  const auto good = net::make_self_signed({"192.0.2.7", "example.org", "bad name,IP:1.2.3.4"});
  const auto other = net::make_self_signed({});
  REQUIRE(good.has_value());
  const auto mismatched = server.tls().load({good->chain_pem, other->key_pem});
  CHECK(mismatched.value_or("").find("does not belong") != std::string::npos);
  CHECK(server.tls().load({"", ""}).has_value());
  CHECK(server.tls().load({good->chain_pem, "nonsense"}).value_or("").find("key") !=
        std::string::npos);
  const auto missing = server.tls().load_files("/nonexistent.pem", "/nonexistent.key");
  CHECK(missing == "Cannot read the TLS certificate /nonexistent.pem.");
  RawClient between(server.port(), true);
  CHECK(fingerprint(between) == old_print);

  std::string folder = "/tmp/sigway-tls-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  std::ofstream(folder + "/cert.pem") << good->chain_pem;
  std::ofstream(folder + "/key.pem") << good->key_pem;
  CHECK_FALSE(server.tls().load_files(folder + "/cert.pem", folder + "/key.pem").has_value());
  std::filesystem::remove_all(folder);
  RawClient after(server.port(), true);
  CHECK(fingerprint(after) != old_print);
  // The old connection goes on.
  before.send(kHello);
  CHECK(before.receive_answer().status == 200);

  X509* certificate = SSL_get1_peer_certificate(after.ssl());
  CHECK(X509_check_ip_asc(certificate, "127.0.0.1", 0) == 1);
  CHECK(X509_check_ip_asc(certificate, "::1", 0) == 1);
  CHECK(X509_check_ip_asc(certificate, "192.0.2.7", 0) == 1);
  CHECK(X509_check_ip_asc(certificate, "1.2.3.4", 0) == 0);
  CHECK(X509_check_host(certificate, "localhost", 0, 0, nullptr) == 1);
  CHECK(X509_check_host(certificate, "example.org", 0, 0, nullptr) == 1);
  X509_free(certificate);
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, 1.1 is not, and ALPN chooses HTTP/1.1") {
  TestServer server(true, add_hello);
  const auto connect = [&](int version) {
    RawClient tcp(server.port());
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, version);
    SSL_CTX_set_max_proto_version(context, version);
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"),
                            12);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, tcp.descriptor());
    std::string outcome = "refused";
    if (SSL_connect(ssl) == 1) {
      const unsigned char* protocol = nullptr;
      unsigned size = 0;
      SSL_get0_alpn_selected(ssl, &protocol, &size);
      outcome.assign(reinterpret_cast<const char*>(protocol), size);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    return outcome;
  };
  CHECK(connect(TLS1_1_VERSION) == "refused");
  CHECK(connect(TLS1_2_VERSION) == "http/1.1");
  CHECK(connect(TLS1_3_VERSION) == "http/1.1");
}
