#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/connection_limits.h"
#include "net/shard.h"

namespace sigway::net::testing {

// A handler made of functions.
struct Script final : ConnectionHandler {
  std::function<void(Connection&)> attached;
  std::function<void(Connection&, std::string)> data;
  std::function<void(Connection&)> drained;
  std::function<void(CloseReason)> closed;
  std::function<void()> destroyed;

  ~Script() override {
    if (destroyed) destroyed();
  }
  void on_attached(Connection& connection) override {
    if (attached) attached(connection);
  }
  void on_data(Connection& connection, std::span<std::uint8_t> bytes) override {
    if (data) data(connection, std::string(bytes.begin(), bytes.end()));
  }
  void on_drained(Connection& connection) override {
    if (drained) drained(connection);
  }
  void on_closed(Connection&, CloseReason reason) override {
    if (closed) closed(reason);
  }
};

// A timer made of a function.
struct Alarm {
  explicit Alarm(std::function<void()> action) : function(std::move(action)) {}
  void ring() { function(); }

  std::function<void()> function;
  base::Timer timer = base::Timer::calling<&Alarm::ring>(this);
};

// A shard that the test runs on its own thread, with connections to socket pairs.
struct Fixture {
  base::MemoryBudget budget{1U << 30U};
  Shard shard{0, budget};
  std::shared_ptr<PortInfo> port = std::make_shared<PortInfo>();
  std::vector<int> ends;

  ~Fixture() {
    for (const int end : ends) ::close(end);
  }

  // Returns the far end, blocking.
  int connect(std::unique_ptr<ConnectionHandler> handler) {
    return connect(std::move(handler), make_plain_stream);
  }
  // `make` takes the near descriptor.
  int connect(std::unique_ptr<ConnectionHandler> handler,
              const std::function<std::unique_ptr<Stream>(int)>& make) {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(::fcntl(pair[0], F_SETFL, O_NONBLOCK) == 0);
    ends.push_back(pair[1]);
    shard.adopt(make(pair[0]), port, [&](Connection&) { return std::move(handler); });
    return pair[1];
  }
  int connect_idle(std::vector<ConnectionId>& ids) {
    auto script = std::make_unique<Script>();
    script->attached = [&ids](Connection& connection) {
      ids.push_back(connection.id());
      connection.set_idle(true);
    };
    return connect(std::move(script));
  }
  static std::string read_all(int end) {
    std::string all;
    char buffer[65536];
    ssize_t count = 0;
    while ((count = ::read(end, buffer, sizeof buffer)) > 0) {
      all.append(buffer, static_cast<std::size_t>(count));
    }
    return all;
  }
  static void write(int end, const std::string& text) {
    REQUIRE(::write(end, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
};

}  // namespace sigway::net::testing
