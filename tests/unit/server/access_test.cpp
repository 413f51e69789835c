// The access rules on the wire: refused before the body is read or anything has an effect.
#include <doctest/doctest.h>

#include <string>

#include "raw_client.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using http::Method;
using http::Response;

TEST_CASE_TEMPLATE("a foreign origin has no effect, and its body is not waited for", T, Plain,
                   Tls) {
  Awaited<std::string> effects;
  ServerSetup setup;
  setup.access.allowed_origins = {"https://app.example.net"};
  TestServer server(
      T::kTls,
      [&](Router& router, TestServer&) {
        router.add({Method::get, Method::post}, "/send", [&](Exchange& exchange) {
          effects.set(exchange.request().body);
          exchange.respond(Response::text(200, "done"));
        });
      },
      setup);
  const std::string head = "POST /send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n";
  RawClient foreign(server.port(), T::kTls);
  foreign.send(head + "Origin: https://evil.example.com\r\n\r\n");
  const Answer refused = foreign.receive_answer();
  CHECK(refused.status == 403);
  CHECK(refused.body.find("--allow-origin https://evil.example.com") != std::string::npos);
  // The page's console shows the refusal and its hint; cookies are not for it.
  CHECK(refused.header("access-control-allow-origin") == "https://evil.example.com");
  CHECK(refused.header("access-control-allow-credentials") == "");
  CHECK(refused.header("vary") == "Origin");
  CHECK(foreign.is_closed_by_server());

  RawClient rebinding(server.port(), T::kTls);
  rebinding.send("POST /send HTTP/1.1\r\nHost: rebind.example.com\r\nContent-Length: 1000\r\n\r\n");
  CHECK(rebinding.receive_answer().status == 421);

  RawClient simple(server.port(), T::kTls);
  simple.send("GET /send HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n\r\n");
  CHECK(simple.receive_answer().status == 403);
  CHECK(effects.count() == 0);

  RawClient allowed(server.port(), T::kTls);
  allowed.send(
      "OPTIONS /send HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.net\r\n"
      "Access-Control-Request-Method: POST\r\n"
      "Access-Control-Request-Private-Network: true\r\n\r\n");
  const Answer preflight = allowed.receive_answer();
  CHECK(preflight.status == 204);
  CHECK(preflight.header("access-control-allow-origin") == "https://app.example.net");
  CHECK(preflight.header("access-control-allow-private-network") == "true");
  CHECK(effects.count() == 0);
  allowed.send(
      "POST /send HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.net\r\n"
      "Content-Length: 2\r\n\r\nhi");
  const Answer answer = allowed.receive_answer();
  CHECK(answer.body == "done");
  CHECK(answer.header("access-control-allow-origin") == "https://app.example.net");
  CHECK(effects.get() == "hi");
  // Also a 404 can be read by the page that asked.
  allowed.send("GET /x/y HTTP/1.1\r\nHost: localhost\r\nOrigin: https://app.example.net\r\n\r\n");
  CHECK(allowed.receive_answer().header("access-control-allow-origin") ==
        "https://app.example.net");
}

TEST_CASE_TEMPLATE("a public route is for pages of every origin, and its neighbours are not", T,
                   Plain, Tls) {
  const auto hello = [](Exchange& exchange) { exchange.respond(Response::text(200, "hello")); };
  ServerSetup setup;
  setup.access.allowed_origins = {"https://app.example.net"};
  TestServer server(
      T::kTls,
      [&](Router& router, TestServer&) {
        router.add({Method::get, Method::head}, "/script", hello,
                   {.max_body = {}, .access = {.is_public = true}});
        router.add({Method::get}, "/mixed", hello, {.max_body = {}, .access = {.is_public = true}});
        router.add({Method::post}, "/mixed", hello);
        router.add({Method::get}, "/page", hello,
                   {.max_body = {}, .access = {.is_harmless = true}});
      },
      setup);
  RawClient client(server.port(), T::kTls);
  const auto ask = [&](const std::string& line, const std::string& headers) {
    client.send(line + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
    return client.receive_answer(line.starts_with("HEAD"));
  };
  const std::string foreign = "Origin: https://evil.example.com\r\n";
  const std::string element = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n";
  for (const auto& headers :
       {foreign, element, std::string("Origin: https://app.example.net\r\n")}) {
    CAPTURE(headers);
    const Answer answer = ask("GET /script", headers);
    CHECK(answer.status == 200);
    CHECK(answer.body == "hello");
    CHECK(answer.header("access-control-allow-origin") == "*");
    CHECK(answer.header("cross-origin-resource-policy") == "cross-origin");
    CHECK(ask("GET /mixed", headers).status == 200);
  }
  CHECK(ask("GET /page", element).status == 403);
  CHECK(ask("GET /nowhere/else", foreign).status == 403);

  const std::string preflight = foreign + "Access-Control-Request-Method: ";
  const Answer reading = ask("OPTIONS /script", preflight + "GET\r\n");
  CHECK(reading.status == 204);
  CHECK(reading.header("access-control-allow-origin") == "*");
  CHECK(reading.header("access-control-allow-methods") == "GET, HEAD, OPTIONS");
  CHECK_MESSAGE(ask("OPTIONS /mixed", preflight + "POST\r\n").status == 403,
                "one of its methods is not for everybody");
  CHECK(ask("POST /script", foreign + "Content-Length: 0\r\n").status == 405);
}

TEST_CASE("the client's address and the base URL, with and without a trusted proxy") {
  const auto ask = [](ServerSetup setup) {
    setup.label = "native";
    TestServer server(
        false,
        [](Router& router, TestServer&) {
          router.add({Method::get}, "/who", [](Exchange& exchange) {
            exchange.respond(Response::text(200, exchange.client_address() + " " +
                                                     exchange.base_url() + " " +
                                                     exchange.port_label()));
          });
        },
        setup);
    RawClient client(server.port());
    client.send(
        "GET /who HTTP/1.1\r\nHost: localhost:99\r\nX-Forwarded-For: 192.0.2.9\r\n"
        "X-Forwarded-Proto: https\r\nX-Forwarded-Host: call.example.org\r\n\r\n");
    return client.receive_answer().body;
  };
  CHECK(ask({}) == "127.0.0.1 http://localhost:99 native");
  ServerSetup trusting;
  trusting.access.trusted_proxies = {"127.0.0.0/8"};
  CHECK(ask(trusting) == "192.0.2.9 https://call.example.org native");
}
