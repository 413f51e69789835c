// The network as it is, against a server that is a socket of this test.
#include "client/threaded_network.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>

using namespace sigway;  // NOLINT(google-build-using-namespace)

namespace {

/// A socket that is closed with this object.
class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) { REQUIRE(fd_ >= 0); }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const noexcept { return fd_; }

 private:
  const int fd_;
};

class Server {
 public:
  Server() {
    REQUIRE(::bind(listener_.fd(), as_sockaddr(), sizeof address_) == 0);
    REQUIRE(::listen(listener_.fd(), 1) == 0);
    socklen_t size = sizeof address_;
    REQUIRE(::getsockname(listener_.fd(), as_sockaddr(), &size) == 0);
  }
  std::uint16_t port() const { return ntohs(address_.sin_port); }
  int accept() const { return ::accept(listener_.fd(), nullptr, nullptr); }

 private:
  sockaddr* as_sockaddr() {
    return reinterpret_cast<sockaddr*>(&address_);
  }  // NOLINT: as sockets want it

  sockaddr_in address_{
      .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  const Socket listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

/// The client's thread: runs what it is handed.
class Tasks {
 public:
  void add(std::function<void()> task) {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    added_.notify_one();
  }
  void run_one() {
    std::unique_lock lock(mutex_);
    added_.wait(lock, [this] { return !tasks_.empty(); });
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
  }

 private:
  std::mutex mutex_;
  std::condition_variable added_;
  std::deque<std::function<void()>> tasks_;
};

void answer(int connection) {
  std::string request;
  char byte = 0;
  while (!request.ends_with("\r\n\r\nbody") && ::recv(connection, &byte, 1, 0) == 1)
    request += byte;
  constexpr std::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  REQUIRE(::send(connection, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(kAnswer.size()));
}

bool is_open(int connection) {
  char byte = 0;
  return ::recv(connection, &byte, 1, MSG_DONTWAIT) < 0;
}

}  // namespace

TEST_CASE("a connection is used again, and closed when nothing went by it for 4 s") {
  const Server server;
  Tasks tasks;
  const client::Time start{};
  client::Scheduler scheduler(start);
  client::Endpoint endpoint;
  endpoint.url = client::Url{.tls = false, .host = "127.0.0.1", .port = server.port(), .path = "/"};
  client::ThreadedNetwork network(endpoint, scheduler,
                                  [&](auto task) { tasks.add(std::move(task)); });
  std::string body;
  const auto post = [&] {
    body.clear();
    network.post("v1/send", "body", [&](const client::HttpAnswer& its) { body = its.body; });
  };
  const auto finish = [&] {
    while (body.empty()) tasks.run_one();
    CHECK(body == "ok");
  };

  post();
  const Socket connection(server.accept());
  answer(connection.fd());
  finish();
  scheduler.advance(start + client::Duration(3999));
  CHECK(is_open(connection.fd()));

  post();
  answer(connection.fd());
  finish();
  scheduler.advance(start + client::Duration(7998));
  CHECK(is_open(connection.fd()));
  scheduler.advance(start + client::Duration(7999));
  char byte = 0;
  CHECK(::recv(connection.fd(), &byte, 1, 0) == 0);
}
