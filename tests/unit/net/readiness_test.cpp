// How a connection goes by the events of the poller: reads once for each, and misses nothing.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.h"

using namespace sigway;
using namespace sigway::net;
using namespace sigway::net::testing;
using namespace std::chrono_literals;

namespace {

// Counts what is asked of the socket.
class Counted final : public Stream {
 public:
  Counted(int descriptor, int& reads)
      : Stream(descriptor), inner_(make_plain_stream(descriptor)), reads_(reads) {}

  bool is_tls() const override { return false; }
  IoResult handshake() override { return {}; }
  IoResult try_read(std::span<std::uint8_t> into) override {
    ++reads_;
    return inner_->try_read(into);
  }
  IoResult try_write(std::span<const iovec> parts) override { return inner_->try_write(parts); }
  void shutdown_write() override { inner_->shutdown_write(); }

 private:
  std::unique_ptr<Stream> inner_;
  int& reads_;
};

// Both ends of a TCP connection on the loopback device: what a socket pair has no equal for.
struct Tcp {
  Tcp() {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening, generic, size) == 0);
    REQUIRE(::listen(listening, 1) == 0);
    REQUIRE(::getsockname(listening, generic, &size) == 0);
    far = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(far, generic, size) == 0);
    near = ::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    REQUIRE(near >= 0);
    ::close(listening);
  }
  ~Tcp() { ::close(far); }
  Tcp(const Tcp&) = delete;
  Tcp& operator=(const Tcp&) = delete;

  int near = -1;  // the connection's
  int far = -1;
};

struct OnTcp : Fixture {
  explicit OnTcp(std::unique_ptr<ConnectionHandler> handler) {
    shard.adopt(std::make_unique<Counted>(tcp.near, reads), port,
                [&](Connection&) { return std::move(handler); });
    shard.schedule_in(give_up.timer, 20s);
  }

  Tcp tcp;
  int reads = 0;
  Alarm give_up{[this] {
    FAIL_CHECK("nothing came");
    shard.stop();
  }};
};

}  // namespace

TEST_CASE("a message costs one read of the socket, the end one more") {
  std::string seen;
  OnTcp* fixture = nullptr;
  auto script = std::make_unique<Script>();
  script->data = [&](Connection&, const std::string& text) {
    seen += text;
    CHECK(fixture->reads == static_cast<int>(seen.size()));
    if (seen.size() < 5) return Fixture::write(fixture->tcp.far, "x");
    ::shutdown(fixture->tcp.far, SHUT_WR);
  };
  script->closed = [&](CloseReason reason) {
    CHECK(reason == CloseReason::peer_closed);
    fixture->shard.stop();
  };
  OnTcp f(std::move(script));
  fixture = &f;
  Fixture::write(f.tcp.far, "x");
  f.shard.run();
  CHECK(seen == "xxxxx");
  CHECK(f.reads == 6);
}

TEST_CASE("an end that came with the last bytes is found") {
  std::string seen;
  OnTcp* fixture = nullptr;
  auto script = std::make_unique<Script>();
  script->data = [&](Connection&, const std::string& text) { seen += text; };
  script->closed = [&](CloseReason reason) {
    CHECK(reason == CloseReason::peer_closed);
    fixture->shard.stop();
  };
  OnTcp f(std::move(script));
  fixture = &f;
  Fixture::write(f.tcp.far, "last");
  ::shutdown(f.tcp.far, SHUT_WR);
  f.shard.run();
  CHECK(seen == "last");
}

TEST_CASE("an end that came with bytes is told after what the bytes have set off") {
  // As a route whose answer comes in the next turn.
  struct Handler final : ConnectionHandler {
    explicit Handler(std::string& into) : told(into) {}
    void on_data(Connection& connection, std::span<std::uint8_t>) override {
      connection.write(std::string("so far"));  // reading goes on when the queue is empty
      connection.shard().post([this] { told += "answered, "; });
    }
    void on_eof(Connection& connection) override {
      told += "ended";
      connection.shard().stop();
    }
    std::string& told;
  };
  std::string told;
  OnTcp f(std::make_unique<Handler>(told));
  Fixture::write(f.tcp.far, "last");
  ::shutdown(f.tcp.far, SHUT_WR);
  f.shard.run();
  CHECK(told == "answered, ended");
}

TEST_CASE("an end that came with bytes is found by a connection that closes or pauses meanwhile") {
  OnTcp* fixture = nullptr;
  auto script = std::make_unique<Script>();
  SUBCASE("closes") {
    script->data = [](Connection& connection, const std::string&) {
      connection.shard().post([&connection] { connection.close_after_flush(); });
    };
  }
  SUBCASE("pauses") {
    script->data = [](Connection& connection, const std::string&) {
      auto& shard = connection.shard();
      shard.post([&shard, id = connection.id()] { shard.find(id)->pause_reading(); });
      shard.at_end_of_turn([&shard, id = connection.id()] {
        shard.post([&shard, id] { shard.find(id)->resume_reading(); });
      });
    };
  }
  script->closed = [&](CloseReason) { fixture->shard.stop(); };
  OnTcp f(std::move(script));
  fixture = &f;
  f.port->connections.linger_timeout = 1min;
  Fixture::write(f.tcp.far, "last");
  ::shutdown(f.tcp.far, SHUT_WR);
  f.shard.run();
}

TEST_CASE("a reset that came with the last bytes is found") {
  OnTcp* fixture = nullptr;
  auto script = std::make_unique<Script>();
  script->closed = [&](CloseReason reason) {
    CHECK(reason == CloseReason::peer_reset);
    fixture->shard.stop();
  };
  OnTcp f(std::move(script));
  fixture = &f;
  Fixture::write(f.tcp.far, "last");
  const linger abortive{.l_onoff = 1, .l_linger = 0};
  REQUIRE(::setsockopt(f.tcp.far, SOL_SOCKET, SO_LINGER, &abortive, sizeof abortive) == 0);
  ::close(std::exchange(f.tcp.far, -1));
  f.shard.run();
}

TEST_CASE("bytes behind urgent data, at which a read stops, are not left") {
  std::string seen;
  OnTcp* fixture = nullptr;
  auto script = std::make_unique<Script>();
  script->data = [&](Connection&, const std::string& text) {
    seen += text;
    if (seen == "before, after") fixture->shard.stop();
  };
  OnTcp f(std::move(script));
  fixture = &f;
  Fixture::write(f.tcp.far, "before");
  REQUIRE(::send(f.tcp.far, "!", 1, MSG_OOB) == 1);
  Fixture::write(f.tcp.far, ", after");
  f.shard.run();
  CHECK(seen == "before, after");
}

TEST_CASE("what comes while reading is paused is read after it, the end too") {
  std::string seen;
  OnTcp* fixture = nullptr;
  ConnectionId id = 0;
  auto script = std::make_unique<Script>();
  script->attached = [&](Connection& connection) {
    id = connection.id();
    connection.pause_reading();
  };
  script->data = [&](Connection&, const std::string& text) { seen += text; };
  script->closed = [&](CloseReason) { fixture->shard.stop(); };
  OnTcp f(std::move(script));
  fixture = &f;
  Fixture::write(f.tcp.far, "early");
  ::shutdown(f.tcp.far, SHUT_WR);
  Alarm resume([&] {
    CHECK(f.reads == 0);
    f.shard.find(id)->resume_reading();
  });
  f.shard.schedule_in(resume.timer, 30ms);
  f.shard.run();
  CHECK(seen == "early");
}

TEST_CASE("a pause after the input was read to its end costs no read, and hides nothing") {
  std::string seen;
  OnTcp* fixture = nullptr;
  auto script = std::make_unique<Script>();
  script->data = [&](Connection& connection, const std::string& text) {
    seen += text;
    connection.pause_reading();
    fixture->shard.post([&, id = connection.id()] { fixture->shard.find(id)->resume_reading(); });
    if (seen.size() == 3) return fixture->shard.stop();
    Fixture::write(fixture->tcp.far, "x");
  };
  OnTcp f(std::move(script));
  fixture = &f;
  Fixture::write(f.tcp.far, "x");
  f.shard.run();
  CHECK(seen == "xxx");
  CHECK(f.reads <= 4);
}

TEST_CASE("a full buffer's worth and more is read on without another event") {
  std::size_t seen = 0;
  const std::string all(3 << 20, 'x');
  Fixture f;
  auto script = std::make_unique<Script>();
  script->data = [&](Connection&, const std::string& text) {
    seen += text.size();
    if (seen == all.size()) f.shard.stop();
  };
  const int end = f.connect(std::move(script));
  std::thread writer([&] { Fixture::write(end, all); });
  f.shard.run();
  writer.join();
  CHECK(seen == all.size());
}

TEST_CASE("in one batch of events a handler may close its own connection and others") {
  Fixture f;
  constexpr int kConnections = 6;
  std::vector<ConnectionId> ids;
  int heard = 0;
  int closed = 0;
  for (int i = 0; i < kConnections; ++i) {
    auto script = std::make_unique<Script>();
    script->attached = [&](Connection& connection) { ids.push_back(connection.id()); };
    script->data = [&](Connection&, const std::string&) {
      ++heard;
      for (const ConnectionId id : ids) {
        if (Connection* const connection = f.shard.find(id)) connection->abort();
      }
    };
    script->closed = [&](CloseReason) {
      if (++closed == kConnections) f.shard.stop();
    };
    Fixture::write(f.connect(std::move(script)), "x");
  }
  f.shard.run();
  CHECK(heard == 1);
  CHECK(closed == kConnections);
}

TEST_CASE("a function posted from another thread runs although nothing else would end the wait") {
  Fixture f;
  std::thread poster([&] {
    for (int i = 0; i < 100; ++i) {
      std::atomic<bool> has_run{false};
      f.shard.post([&] { has_run = true; });
      while (!has_run) std::this_thread::yield();
    }
    f.shard.stop();
  });
  const auto began = base::Clock::now();
  f.shard.run();
  poster.join();
  CHECK(base::Clock::now() - began < 30s);  // a sleep of the loop is a minute
}

TEST_CASE("timers fire in the order of their deadlines, whatever ends the waits") {
  Fixture f;
  std::vector<int> order;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < 6; ++i) {
    alarms.push_back(std::make_unique<Alarm>([&, i] {
      order.push_back(i);
      if (order.size() == 6) f.shard.stop();
    }));
  }
  for (const int i : {4, 1, 5, 0, 3, 2}) f.shard.schedule_in(alarms[i]->timer, (i + 1) * 20ms);
  // It wakes the loop all the time in between.
  std::function<void()> next = [&] { f.shard.post(next); };
  f.shard.post(next);
  f.shard.run();
  CHECK(order == std::vector<int>{0, 1, 2, 3, 4, 5});
}
