// What one probe socket may take of a turn, of memory, and in all.
#include "probe/socket.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "fixture.h"
#include "net/connection_limits.h"
#include "websocket/frames.h"

using namespace sigway;
using namespace sigway::net;
using namespace sigway::net::testing;

namespace opcode = websocketpp::frame::opcode;

namespace {

/// A client's frame, under a mask of zeros.
std::string frame(opcode::value code, const std::string& payload, bool fin = true) {
  const websocketpp::frame::basic_header basic(code, payload.size(), fin, true);
  const websocketpp::frame::extended_header extended(payload.size(), 0);
  return websocketpp::frame::prepare_header(basic, extended) + payload;
}

std::string repeated(const std::string& unit, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += unit;
  return all;
}

struct SocketFixture : Fixture {
  std::unique_ptr<probe::Socket> socket(const probe::Bounds& bounds = {}) {
    auto permit = limits->admit(base::AddressKey{1}, 0, shard.now());
    return std::make_unique<probe::Socket>(
        nonces, base::AddressKey{1}, bounds, "hello",
        std::get<std::unique_ptr<probe::Limits::Permit>>(std::move(permit)));
  }

  probe::Nonces nonces;
  std::shared_ptr<probe::Limits> limits = std::make_shared<probe::Limits>(probe::Limits::Options{});
};

// After the greeting of seven bytes.
constexpr std::size_t kGreeting = 7;

}  // namespace

TEST_CASE("a flood of a probe socket gets its share of each turn, and another connection its own") {
  SocketFixture f;
  std::string unit, answer;
  SUBCASE("pings") {
    unit = frame(opcode::ping, "");
    answer = websocket::control_frame(opcode::pong, "");
  }
  SUBCASE("empty texts") {
    unit = frame(opcode::text, "");
    answer = websocket::frame_head(opcode::text, 0);
  }
  ConnectionId id = 0;
  auto other = std::make_unique<Script>();
  std::size_t queued = 0;
  other->data = [&](Connection&, const std::string&) {
    queued = f.shard.find(id)->queued_bytes();
    f.shard.stop();
  };
  auto flood = std::make_unique<Script>();
  flood->attached = [&](Connection& connection) {
    id = connection.id();
    connection.replace_handler(f.socket());
  };
  Fixture::write(f.connect(std::move(flood)), repeated(unit, 2000));
  Fixture::write(f.connect(std::move(other)), "x");
  f.shard.run();
  CHECK_MESSAGE(queued <= kGreeting + 8 * answer.size(),
                "the other one was served after a share, not after all");
}

TEST_CASE("what a probe socket holds of a frame is counted, and given back") {
  SocketFixture f;
  const std::string half = frame(opcode::text, std::string(60'000, 'h')).substr(0, 50'000);
  std::size_t used = 0;
  auto other = std::make_unique<Script>();
  other->data = [&](Connection&, const std::string&) {
    f.shard.at_end_of_turn([&] {
      used = f.budget.used(base::MemoryPart::input);
      f.shard.stop();
    });
  };
  Fixture::write(f.connect(f.socket()), half);
  Fixture::write(f.connect(std::move(other)), "x");
  f.shard.run();
  CHECK(used > 49'000);
  CHECK(used < 100'000);
}

TEST_CASE("a probe socket ends by frames that hold nothing, too") {
  SocketFixture f;
  std::string bytes;
  SUBCASE("pings") { bytes = repeated(frame(opcode::ping, ""), 1000); }
  SUBCASE("pongs") { bytes = repeated(frame(opcode::pong, "p"), 1000); }
  SUBCASE("empty texts") { bytes = repeated(frame(opcode::text, ""), 1000); }
  SUBCASE("empty fragments") {
    bytes = frame(opcode::text, "", false) + repeated(frame(opcode::continuation, "", false), 1000);
  }
  bytes += frame(opcode::close, std::string("\x03\xe8", 2));
  auto flood = std::make_unique<Script>();
  const int end = f.connect(f.socket({.bytes = 64 * 500}));
  auto other = std::make_unique<Script>();
  other->closed = [&](CloseReason) { f.shard.stop(); };
  const int watch = f.connect(std::move(other));
  std::string answers;
  std::thread client([&] {
    Fixture::write(end, bytes);
    answers = Fixture::read_all(end);
    ::shutdown(watch, SHUT_WR);
  });
  f.shard.run();
  client.join();
  const auto close = websocket::close_frame(4003, "stream_limit");
  CHECK(answers.ends_with(close));
  // Two bytes at the most for each of the 500 that there may be.
  CHECK(answers.size() <= kGreeting + 2 * 500 + close.size());
}

TEST_CASE("a probe socket brings a part of the nonces that its address may have") {
  SocketFixture f;
  f.nonces.count("innocent", base::AddressKey{1}, f.shard.now());
  std::string bytes;
  for (int i = 0; i < 2000; ++i) bytes += frame(opcode::text, std::to_string(i));
  bytes += frame(opcode::close, std::string("\x03\xe8", 2));
  const int end = f.connect(f.socket());
  auto other = std::make_unique<Script>();
  other->closed = [&](CloseReason) { f.shard.stop(); };
  const int watch = f.connect(std::move(other));
  std::string answers;
  std::thread client([&] {
    Fixture::write(end, bytes);
    answers = Fixture::read_all(end);
    ::shutdown(watch, SHUT_WR);
  });
  f.shard.run();
  client.join();
  CHECK(answers.find("1999") != std::string::npos);
  CHECK(f.nonces.seen("innocent") == 1);
  CHECK(f.nonces.seen("249") == 1);
  CHECK(f.nonces.seen("250") == 0);
}
