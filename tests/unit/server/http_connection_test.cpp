// HTTP/1.x over real sockets, the same cases plain and over TLS.
#include <doctest/doctest.h>

#include <list>
#include <string>

#include "raw_client.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using namespace std::chrono_literals;
using http::Method;
using http::Response;

namespace {

// Answers whatever comes to /echo with what it understood of it.
void add_echo(Router& router, TestServer&) {
  router.add({Method::get, Method::head, Method::post}, "/echo", [](Exchange& exchange) {
    const http::Request& request = exchange.request();
    exchange.respond(
        Response::text(200, request.method_name + " " + request.query + " " + request.body + "\n"));
  });
}

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}

std::string post(const std::string& target, const std::string& body,
                 const std::string& headers = "") {
  return "POST " + target +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body;
}

}  // namespace

TEST_CASE_TEMPLATE("keep-alive, HEAD, HTTP/1.0 and Connection: close", T, Plain, Tls) {
  TestServer server(T::kTls, add_echo);
  RawClient client(server.port(), T::kTls);
  for (int i = 0; i < 3; ++i) {
    client.send(get("/echo?" + std::to_string(i)));
    const Answer answer = client.receive_answer();
    CHECK(answer.status == 200);
    CHECK(answer.body == "GET " + std::to_string(i) + " \n");
    CHECK(answer.header("connection") == "");
    CHECK(answer.header("date").size() == 29);
    CHECK(answer.header("x-content-type-options") == "nosniff");
    CHECK(answer.header("referrer-policy") == "no-referrer");
  }
  client.send("HEAD /echo?h HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const Answer head = client.receive_answer(true);
  CHECK(head.header("content-length") == "8");
  client.send("GET /echo?k HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(client.receive_answer().header("connection") == "keep-alive");
  client.send(get("/echo?c", "Connection: close\r\n"));
  const Answer last = client.receive_answer();
  CHECK(last.header("connection") == "close");
  CHECK(last.body == "GET c \n");
  CHECK(client.is_closed_by_server());

  RawClient old(server.port(), T::kTls);
  old.send("GET /echo?old HTTP/1.0\r\n\r\n");
  const Answer answer = old.receive_answer();
  CHECK(answer.body == "GET old \n");
  CHECK(old.is_closed_by_server());
}

TEST_CASE_TEMPLATE("a request split at every byte", T, Plain, Tls) {
  TestServer server(T::kTls, add_echo);
  RawClient client(server.port(), T::kTls);
  for (const std::string& request :
       {post("/echo?a", "hello"),
        std::string("POST /echo?b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n")}) {
    for (std::size_t at = 1; at < request.size(); ++at) {
      CAPTURE(at);
      REQUIRE(client.send(request.substr(0, at)));
      REQUIRE(client.send(request.substr(at)));
      const Answer answer = client.receive_answer();
      REQUIRE(answer.status == 200);
    }
  }
}

TEST_CASE_TEMPLATE("pipelined requests are answered in order, also by answers that come late", T,
                   Plain, Tls) {
  Awaited<http::ExchangeId> parked;
  TestServer server(T::kTls, [&](Router& router, TestServer& self) {
    add_echo(router, self);
    router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
  });
  RawClient client(server.port(), T::kTls);
  client.send(get("/echo?1") + get("/park") + post("/echo?2", "x") + get("/park") + get("/echo?3"));
  CHECK(client.receive_answer().body == "GET 1 \n");
  const http::ExchangeId first = parked.get();
  CHECK(client.is_silent_for(30));
  server.http().respond(first, Response::text(200, "late"));
  server.http().respond(first, Response::text(200, "twice is ignored"));
  CHECK(client.receive_answer().body == "late");
  CHECK(client.receive_answer().body == "POST 2 x\n");
  // From another shard's point of view: any thread may answer.
  const http::ExchangeId second = parked.get();
  CHECK(second.sequence != first.sequence);
  server.http().respond(first, Response::text(200, "too late"));
  server.http().respond(second, Response::text(200, "later"));
  CHECK(client.receive_answer().body == "later");
  CHECK(client.receive_answer().body == "GET 3 \n");
}

TEST_CASE_TEMPLATE("a flood behind a parked request stops being read, and goes on afterwards", T,
                   Plain, Tls) {
  Awaited<http::ExchangeId> parked;
  ServerSetup setup;
  setup.http.max_pipelined = 1000;
  TestServer server(
      T::kTls,
      [&](Router& router, TestServer& self) {
        add_echo(router, self);
        router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
      },
      setup);
  RawClient client(server.port(), T::kTls);
  client.send(get("/park"));
  const http::ExchangeId id = parked.get();
  for (int i = 0; i < 200; ++i) client.send(get("/echo?" + std::to_string(i)));
  server.http().respond(id, Response::text(200, "go"));
  CHECK(client.receive_answer().body == "go");
  for (int i = 0; i < 200; ++i) {
    REQUIRE(client.receive_answer().body == "GET " + std::to_string(i) + " \n");
  }
}

TEST_CASE_TEMPLATE("Expect: 100-continue", T, Plain, Tls) {
  ServerSetup setup;
  setup.http.limits.max_body = 10;
  TestServer server(T::kTls, add_echo, setup);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n";
  RawClient client(server.port(), T::kTls);
  client.send(head + "Content-Length: 2\r\n\r\n");
  CHECK(client.receive_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  CHECK(client.receive_answer().body == "POST  hi\n");
  // With the body on its way nothing is asked for.
  client.send(head + "Content-Length: 2\r\n\r\nho");
  CHECK(client.receive_answer().body == "POST  ho\n");
  // A body that would be refused is not asked for.
  client.send(head + "Content-Length: 11\r\n\r\n");
  CHECK(client.receive_answer().status == 413);
  CHECK(client.is_closed_by_server());
  // Nor one that nobody wants.
  RawClient lost(server.port(), T::kTls);
  lost.send(
      "POST /nowhere HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
      "Content-Length: 1\r\n\r\n");
  CHECK(lost.receive_answer().status == 404);
}

TEST_CASE_TEMPLATE("errors are answered, then the connection closes without a reset", T, Plain,
                   Tls) {
  ServerSetup setup;
  setup.http.limits.max_body = 1000;
  TestServer server(T::kTls, add_echo, setup);
  struct Row {
    const char* what;
    std::string input;
    int status;
  };
  const std::string flood(300'000, 'x');
  for (const Row& row : std::vector<Row>{
           {"both lengths, smuggling",
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n"
            "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /echo?smuggled HTTP/1.1\r\n\r\n",
            400},
           {"two lengths, smuggling",
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: "
            "40\r\n\r\n" +
                get("/echo?smuggled"),
            400},
           {"too large, unread input", post("/echo", flood), 413},
           {"head too large", get("/echo", "X: " + flood + "\r\n"), 431},
           {"target too long", get("/echo?" + flood), 414},
           {"unknown coding",
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: x\r\n\r\n" + flood, 501},
           {"bad chunk",
            "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZ\r\n" +
                flood,
            400},
           {"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
       }) {
    CAPTURE(row.what);
    RawClient client(server.port(), T::kTls);
    client.send(row.input);
    const Answer answer = client.receive_answer();
    CHECK(answer.status == row.status);
    CHECK(answer.is_complete);
    CHECK(answer.header("connection") == "close");
    CHECK(answer.header("content-type") == "application/json");
    CHECK(answer.body.find("\"hint\":\"") != std::string::npos);
    CHECK(answer.body.find("smuggled") == std::string::npos);
    CHECK(client.is_closed_by_server());
  }
}

TEST_CASE_TEMPLATE("404, 405 with Allow, OPTIONS", T, Plain, Tls) {
  TestServer server(T::kTls, add_echo);
  RawClient client(server.port(), T::kTls);
  client.send(get("/nowhere"));
  Answer answer = client.receive_answer();
  CHECK(answer.status == 404);
  CHECK(answer.body.find("\"code\":\"unknown_route\"") != std::string::npos);
  client.send("DELETE /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  answer = client.receive_answer();
  CHECK(answer.status == 405);
  CHECK(answer.header("allow") == "GET, HEAD, POST, OPTIONS");
  client.send("OPTIONS /echo HTTP/1.1\r\nHost: localhost\r\n\r\n");
  answer = client.receive_answer();
  CHECK(answer.status == 204);
  CHECK(answer.header("allow") == "GET, HEAD, POST, OPTIONS");
  client.send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(client.receive_answer().status == 204);
  // The connection has survived all of it; with an unread body it does not.
  client.send("PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n");
  answer = client.receive_answer();
  CHECK(answer.status == 405);
  CHECK(answer.header("allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(client.is_closed_by_server());
}

TEST_CASE_TEMPLATE("slow heads, slow bodies and idle connections", T, Plain, Tls) {
  ServerSetup setup;
  setup.http.head_timeout = 400ms;
  setup.http.body_timeout = 400ms;
  setup.http.keep_alive = 400ms;
  TestServer server(T::kTls, add_echo, setup);
  RawClient head(server.port(), T::kTls);
  head.send("GET /echo HTTP/1.1\r\nHost:");
  const Answer slow_head = head.receive_answer();
  CHECK(slow_head.status == 408);
  CHECK(head.is_closed_by_server());
  RawClient body(server.port(), T::kTls);
  body.send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab");
  CHECK(body.receive_answer().status == 408);
  CHECK(body.is_closed_by_server());
  RawClient idle(server.port(), T::kTls);
  CHECK(idle.is_closed_by_server());
  RawClient used(server.port(), T::kTls);
  used.send(get("/echo"));
  CHECK(used.receive_answer().status == 200);
  CHECK(used.is_closed_by_server());
}

TEST_CASE_TEMPLATE("the second request of a connection must come in time as the first", T, Plain,
                   Tls) {
  ServerSetup setup;
  // So long that a busy machine gets a whole request through; all connections wait together.
  setup.http.head_timeout = 3s;
  setup.http.body_timeout = 3s;
  setup.http.keep_alive = 1h;
  TestServer server(T::kTls, add_echo, setup);
  const std::string whole = "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab";
  std::list<RawClient> clients;
  for (const std::string part :
       {"P", "POST /echo HTTP/1.1\r\nHost:",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\na"}) {
    CAPTURE(part);
    RawClient& alone = clients.emplace_back(server.port(), T::kTls);
    alone.send(whole);
    CHECK(alone.receive_answer().body == "POST  ab\n");
    alone.send(part);
    // In one piece with the request before.
    RawClient& behind = clients.emplace_back(server.port(), T::kTls);
    behind.send(whole + part);
    CHECK(behind.receive_answer().body == "POST  ab\n");
  }
  for (RawClient& client : clients) {
    CHECK(client.receive_answer().status == 408);
    CHECK(client.is_closed_by_server());
  }
}

TEST_CASE_TEMPLATE("a head that goes on coming must be complete in time", T, Plain, Tls) {
  ServerSetup setup;
  setup.http.head_timeout = 400ms;
  TestServer server(T::kTls, add_echo, setup);
  RawClient client(server.port(), T::kTls);
  client.send("GET /echo HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
  for (int i = 0; i < 1000 && client.is_silent_for(20); ++i) client.send("x");
  CHECK(client.receive_answer().status == 408);
}

TEST_CASE_TEMPLATE("a parked request outlives the keep-alive time", T, Plain, Tls) {
  Awaited<http::ExchangeId> parked;
  ServerSetup setup;
  setup.http.keep_alive = 400ms;
  setup.http.head_timeout = 400ms;
  TestServer server(
      T::kTls,
      [&](Router& router, TestServer& self) {
        add_echo(router, self);
        router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
      },
      setup);
  RawClient client(server.port(), T::kTls);
  client.send(get("/echo"));  // with TLS this also takes the session tickets out of the way
  client.receive_answer();
  client.send(get("/park"));
  const http::ExchangeId id = parked.get();
  CHECK(client.is_silent_for(800));
  server.http().respond(id, Response::text(200, "at last"));
  CHECK(client.receive_answer().body == "at last");
}

TEST_CASE_TEMPLATE("whoever parks a request hears that the client has gone, once", T, Plain, Tls) {
  Awaited<http::ExchangeId> parked;
  Awaited<std::string> gone;
  TestServer server(T::kTls, [&](Router& router, TestServer&) {
    router.add({Method::get}, "/park", [&](Exchange& exchange) {
      exchange.on_gone([&, query = exchange.request().query] { gone.set(query); });
      parked.set(exchange.id());
    });
  });
  RawClient closing(server.port(), T::kTls);
  closing.send(get("/park?closed"));
  const http::ExchangeId first = parked.get();
  closing.close();
  CHECK(gone.get() == "closed");
  server.http().respond(first, Response::text(200, "to nobody"));

  RawClient resetting(server.port(), T::kTls);
  resetting.send(get("/park?reset"));
  parked.get();
  resetting.reset();
  CHECK(gone.get() == "reset");

  RawClient answered(server.port(), T::kTls);
  answered.send(get("/park?answered", "Connection: close\r\n"));
  server.http().respond(parked.get(), Response::text(200, "ok"));
  CHECK(answered.receive_answer().body == "ok");
  CHECK(answered.is_closed_by_server());
  answered.close();

  RawClient last(server.port(), T::kTls);
  last.send(get("/park?last"));
  parked.get();
  last.close();
  CHECK(gone.get() == "last");
  CHECK(gone.count() == 3);
}

TEST_CASE_TEMPLATE("a client that half-closes after its requests still gets the short answers", T,
                   Plain, Tls) {
  Awaited<http::ExchangeId> parked;
  TestServer server(T::kTls, [&](Router& router, TestServer& self) {
    add_echo(router, self);
    router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
  });
  RawClient client(server.port(), T::kTls);
  client.send(get("/echo?1") + get("/park") + get("/echo?2"));
  client.finish_writing();
  CHECK(client.receive_answer().body == "GET 1 \n");
  server.http().respond(parked.get(), Response::text(200, "parked"));
  CHECK(client.receive_answer().body == "parked");
  const Answer last = client.receive_answer();
  CHECK(last.body == "GET 2 \n");
  CHECK(client.is_closed_by_server());
}

TEST_CASE("half a request and then nothing closes the connection") {
  TestServer server(false, add_echo);
  RawClient client(server.port());
  client.send("GET /echo HT");
  client.finish_writing();
  CHECK(client.is_closed_by_server());
}

TEST_CASE("a route that throws answers 500 and harms nobody else") {
  TestServer server(false, [](Router& router, TestServer& self) {
    add_echo(router, self);
    router.add({Method::get}, "/throw", [](Exchange&) { throw std::runtime_error("oops"); });
  });
  RawClient client(server.port());
  client.send(get("/throw") + get("/echo?still"));
  const Answer answer = client.receive_answer();
  CHECK(answer.status == 500);
  CHECK(answer.body.find("oops") == std::string::npos);
  CHECK(client.receive_answer().body == "GET still \n");
}

TEST_CASE("a route's own body limit") {
  ServerSetup setup;
  setup.http.limits.max_body = 10;
  TestServer server(
      false,
      [](Router& router, TestServer&) {
        router.add(
            {Method::post}, "/large",
            [](Exchange& exchange) {
              exchange.respond(Response::text(200, std::to_string(exchange.request().body.size())));
            },
            {.max_body = 100, .access = {}});
      },
      setup);
  RawClient client(server.port());
  client.send(post("/large", std::string(100, 'x')));
  CHECK(client.receive_answer().body == "100");
  client.send(post("/large", std::string(101, 'x')));
  CHECK(client.receive_answer().status == 413);
}

TEST_CASE("draining closes idle connections and lets the rest finish") {
  Awaited<http::ExchangeId> parked;
  TestServer server(false, [&](Router& router, TestServer& self) {
    add_echo(router, self);
    router.add({Method::get}, "/park", [&](Exchange& exchange) { parked.set(exchange.id()); });
  });
  RawClient idle(server.port());
  idle.send(get("/echo"));
  idle.receive_answer();
  RawClient busy(server.port());
  busy.send(get("/park"));
  const http::ExchangeId id = parked.get();
  server.http().drain();
  CHECK(idle.is_closed_by_server());
  server.http().respond(id, Response::text(200, "done"));
  const Answer answer = busy.receive_answer();
  CHECK(answer.body == "done");
  CHECK(answer.header("connection") == "close");
  CHECK(busy.is_closed_by_server());
}
