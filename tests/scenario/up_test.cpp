// Messages: numbers, gaps, pieces, refusals (docs/protocol.md, "Up: messages").
#include <doctest/doctest.h>

#include <thread>

#include "scenario/client.h"

using namespace sigway::testing;

namespace {

struct Pair {
  Pair(Site& site, Transport transport) : a(site, transport), b(site, transport) {
    a.open({{"room", "pair"}});
    a.expect("created");
    b.open({{"room", "pair"}});
    b.expect("joined");
    b.expect("ready");
    a.expect("peer-joined");
    a.expect("ready");
  }
  // Sends messages with the numbers that the test says, all in one request.
  Answer send(const std::vector<int>& numbers) {
    Json messages = Json::array();
    for (const int n : numbers) messages.push_back({{"n", n}, {"type", "m"}, {"data", n}});
    return a.ask({{"messages", messages}});
  }
  void expect_messages(int first, int last) {
    for (int n = first; n <= last; ++n) CHECK(b.expect("m").at("data") == n);
  }
  Client a, b;
};

}  // namespace

TEST_CASE_TEMPLATE("up: each number is taken once, however often it is sent", T, WebSocket, Sse,
                   Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  CHECK(pair.send({1}).up == 1);
  CHECK(pair.send({1}).up == 1);
  CHECK(pair.send({1, 2, 2}).up == 2);
  // The same by another carrier, as after a change of transport in the middle of an upload.
  for (const auto transport : kTransports) {
    auto other = pair.a.another(transport);
    CHECK(other->attach({{"resume", Json::object()}}).error.empty());
    const auto answer = other->ask({{"messages", {{{"n", 2}, {"type", "m"}, {"data", "twice"}}}}});
    CHECK(answer.up == 2);
    other->cut();
  }
  CHECK(pair.send({3}).up == 3);
  pair.expect_messages(1, 3);
}

TEST_CASE_TEMPLATE("up: uploads may overtake each other", T, WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  CHECK(pair.send({3}).up == 0);
  CHECK(pair.send({2, 4}).up == 0);
  CHECK(pair.send({1}).up == 4);
  pair.expect_messages(1, 4);
}

TEST_CASE_TEMPLATE("up: a large gap is refused with the number expected", T, WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  std::vector<int> numbers;
  for (int n = 2; n <= 66; ++n) numbers.push_back(n);
  const auto refused = pair.send(numbers);
  CHECK(refused.error == "number_gap");
  CHECK(refused.body.at("expected") == 1);
  CHECK(pair.send({1}).up == 65);
  CHECK(pair.send({66}).up == 66);
  pair.expect_messages(1, 66);
}

namespace {

Json piece_of(std::uint64_t n, const std::string& text, std::size_t at, std::size_t size) {
  return {{"n", n}, {"at", at}, {"of", text.size()}, {"piece", text.substr(at, size)}};
}

}  // namespace

TEST_CASE_TEMPLATE("up: a message in pieces arrives whole", T, WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  const Json message{{"type", "offer"}, {"data", {{"sdp", std::string(3000, 's')}}}};
  const auto text = message.dump();
  const auto up_after = [&](Json messages) {
    return pair.a.ask({{"messages", std::move(messages)}}).up;
  };
  // They overtake each other and the next message, come twice, and are cut anew on the second try.
  CHECK(up_after(Json::array(
            {piece_of(1, text, 1000, 1000), {{"n", 2}, {"type", "m"}, {"data", 1}}})) == 0);
  CHECK(up_after(Json::array({piece_of(1, text, 2500, std::string::npos)})) == 0);
  CHECK(up_after(Json::array({piece_of(1, text, 1000, 1000)})) == 0);
  CHECK(up_after(Json::array({piece_of(1, text, 0, 700), piece_of(1, text, 1900, 700)})) == 0);
  CHECK(up_after(Json::array({piece_of(1, text, 600, 500)})) == 2);
  CHECK(pair.b.expect("offer").at("data") == message.at("data"));
  pair.expect_messages(1, 1);

  // It has one number, and a result quotes it.
  const std::string lost = R"({"type":"bye","to":"nobody-here"})";
  CHECK(up_after(Json::array({piece_of(3, lost, 0, 9)})) == 2);
  CHECK(up_after(Json::array({piece_of(3, lost, 9, std::string::npos)})) == 3);
  const auto refused = pair.a.expect("error");
  CHECK(refused.at("re") == 3);
  CHECK(refused.at("code") == "no_such_peer");
}

TEST_CASE_TEMPLATE("up: a message that was sent whole and in pieces arrives once", T, WebSocket,
                   Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  const Json whole{{"n", 1}, {"type", "m"}, {"data", 1}};
  const std::string text = R"({"type":"m","data":1})";
  pair.a.ask({{"messages", Json::array({piece_of(1, text, 0, 9)})}});
  CHECK(pair.a.ask({{"messages", Json::array({whole})}}).up == 1);
  CHECK(pair.a.ask({{"messages", Json::array({piece_of(1, text, 9, std::string::npos)})}}).up == 1);
  CHECK(pair.send({2}).up == 2);
  pair.expect_messages(1, 2);
}

TEST_CASE_TEMPLATE("up: pieces are limited as the whole is", T, WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  const Json piece{{"n", 1}, {"at", 0}, {"of", 90'000}, {"piece", "{"}};
  CHECK(pair.a.ask({{"messages", Json::array({piece})}}).up == 1);
  const auto refused = pair.a.expect("error");
  CHECK(refused.at("code") == "too_large");
  CHECK(refused.at("re") == 1);
  CHECK(refused.at("limit").get<int>() >= 65536);
  CHECK(pair.send({2}).up == 2);
  pair.expect_messages(2, 2);
}

TEST_CASE_TEMPLATE("up: a refused message counts as taken and its refusal is an event", T,
                   WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  const Json messages{{{"n", 1}, {"type", "m"}, {"to", "nobody-here"}},
                      {{"n", 2}, {"type", "created"}},
                      {{"n", 3}, {"type", "m"}, {"data", std::string(65'535, 'x')}},
                      {{"n", 4}, {"type", "m"}, {"colour", "red"}},
                      {{"n", 5}, {"type", "m"}, {"room", "another"}},
                      {{"n", 6}, {"type", "join"}, {"room", "pair"}},
                      {{"n", 7}, {"type", "m"}, {"data", 7}}};
  CHECK(pair.a.ask({{"messages", messages}}).up == 7);
  const std::pair<const char*, int> expected[] = {{"no_such_peer", 1}, {"bad_type", 2},
                                                  {"too_large", 3},    {"unknown_field", 4},
                                                  {"not_in_room", 5},  {"already_joined", 6}};
  for (const auto& [code, re] : expected) {
    const auto refused = pair.a.expect("error");
    CHECK(refused.at("code") == code);
    CHECK(refused.at("re") == re);
    CHECK(!refused.at("message").get<std::string>().empty());
    CHECK(!refused.at("hint").get<std::string>().empty());
    if (re == 3) CHECK(refused.at("limit") == 65536);
  }
  pair.expect_messages(7, 7);
}

TEST_CASE_TEMPLATE("up: a request that was not taken is sent again", T, WebSocket, Sse, Poll) {
  Site site({"--message-rate", "1", "--message-burst", "5"});
  Pair pair(site, T::kTransport);
  CHECK(pair.send({1, 2, 3, 4, 5}).up == 5);
  const auto refused = pair.send({6, 7, 8, 9, 10});
  CHECK(refused.error == "rate_limited");
  if (T::kTransport == Transport::websocket) {
    // Frames cannot be taken back: the carrier ends, and whoever returns sends again from `up`.
    const auto end = pair.a.carrier().end();
    CHECK(end.code == "rate_limited");
    CHECK(end.close_code == 4029);
    CHECK(end.body.at("retry").get<int>() > 0);
    CHECK(pair.a.resume().at("up") == 5);
  } else {
    CHECK(refused.status == 429);
  }
  const auto deadline = Clock::now() + kPatience;
  while (pair.send({6, 7, 8, 9, 10}).up != 10) {
    REQUIRE(Clock::now() < deadline);
    if (pair.a.carrier().has_ended()) pair.a.resume();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  pair.expect_messages(1, 10);
}

TEST_CASE_TEMPLATE("up: a body that is too large takes nothing", T, WebSocket, Sse, Poll) {
  Site site({"--max-body", "8KiB"});
  Pair pair(site, T::kTransport);
  const Json messages{{{"n", 1}, {"type", "m"}, {"data", 1}},
                      {{"n", 2}, {"type", "m"}, {"data", std::string(9000, 'x')}}};
  const auto refused = pair.a.ask({{"messages", messages}});
  if (T::kTransport == Transport::websocket) {
    CHECK(pair.a.carrier().end().close_code == 1009);
    CHECK(pair.a.resume().at("up") == 0);
  } else {
    CHECK(refused.status == 413);
    CHECK(refused.error == "body_too_large");
    CHECK(refused.body.at("limit") == 8192);
  }
  CHECK(pair.send({1}).up == 1);
  pair.expect_messages(1, 1);
}

TEST_CASE_TEMPLATE("up: a message without a number takes the next one", T, WebSocket, Sse, Poll) {
  Site site;
  Pair pair(site, T::kTransport);
  CHECK(pair.a.ask({{"type", "m"}, {"data", 1}}).up == 1);
  CHECK(pair.a.ask({{"messages", {{{"type", "m"}, {"data", 2}}}}}).up == 2);
  CHECK(pair.a.ask({{"type", "full"}}).error == "bad_type");  // at once, by no event
  pair.expect_messages(1, 2);
}

TEST_CASE_TEMPLATE("up: messages behind a join wait for its answer", T, WebSocket, Sse, Poll) {
  Site site;
  Client a(site, T::kTransport), b(site, T::kTransport);
  b.open({{"room", "later"}});
  b.expect("created");
  a.open();
  const Json messages{{{"n", 1}, {"type", "login"}, {"name", "alice"}},
                      {{"n", 2}, {"type", "join"}, {"room", "later"}},
                      {{"n", 3}, {"type", "hello"}}};
  CHECK(a.ask({{"messages", messages}}).up == 3);
  b.expect("peer-joined");
  b.expect("ready");
  CHECK(b.expect("hello").at("name") == "alice");
}

TEST_CASE("up: bodies are read under every type that CORS calls simple") {
  Site site;
  Client a(site, Transport::poll);
  a.open();
  const Json body{{"key", a.session.key}, {"ack", 0}};
  Site::Uploader uploader(site);
  for (const auto* type : {"text/plain", "text/plain;charset=UTF-8", "application/json",
                           "application/x-www-form-urlencoded", ""}) {
    CHECK_MESSAGE(uploader.post("/v1/send", body.dump(), type).status == 200, type);
  }
  for (const auto* type : {"multipart/form-data; boundary=x", "application/octet-stream"}) {
    const auto answer = uploader.post("/v1/send", body.dump(), type);
    CHECK(answer.status == 415);
    CHECK(answer.body.at("error").at("code") == "wrong_content_type");
  }
}
