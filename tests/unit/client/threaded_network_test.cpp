// The network as it is, against a server that is a socket of this test.
#include "client/threaded_network.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
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
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): as sockets want it
  sockaddr* as_sockaddr() { return reinterpret_cast<sockaddr*>(&address_); }

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

std::string read_until(int connection, std::string_view end) {
  std::string text;
  char byte = 0;
  while (!text.ends_with(end) && ::recv(connection, &byte, 1, 0) == 1) text += byte;
  return text;
}

void send(int connection, std::string_view bytes) {
  REQUIRE(::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
}

void answer(int connection) {
  read_until(connection, "\r\n\r\nbody");
  send(connection, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

void upgrade(int connection) {
  const auto head = read_until(connection, "\r\n\r\n");
  constexpr std::string_view kName = "Sec-WebSocket-Key: ";
  const auto at = head.find(kName);
  REQUIRE(at != std::string::npos);
  const auto key =
      head.substr(at + kName.size(), 24) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 §1.3
  std::array<unsigned char, 20> digest{};
  REQUIRE(EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1);
  std::array<unsigned char, 29> accept{};
  EVP_EncodeBlock(accept.data(), digest.data(), digest.size());
  send(connection,
       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Protocol: sigway.v1\r\nSec-WebSocket-Accept: " +
           std::string(accept.begin(), accept.end() - 1) + "\r\n\r\n");
}

/// A network to that server, and the client's thread and clock.
struct Bed {
  Server server;
  Tasks tasks;
  client::Scheduler scheduler{client::Time{}};
  client::ThreadedNetwork network{
      client::Endpoint{
          .url = {.tls = false, .host = "127.0.0.1", .port = server.port(), .path = "/"}},
      scheduler, [this](auto task) { tasks.add(std::move(task)); }};
};

bool is_open(int connection) {
  char byte = 0;
  return ::recv(connection, &byte, 1, MSG_DONTWAIT) < 0;
}

}  // namespace

TEST_CASE("a connection is used again, and closed when nothing went by it for 4 s") {
  Bed bed;
  std::string body;
  const auto post = [&] {
    body.clear();
    bed.network.post("v1/send", "body", [&](const client::HttpAnswer& its) { body = its.body; });
  };
  const auto finish = [&] {
    while (body.empty()) bed.tasks.run_one();
    CHECK(body == "ok");
  };
  const auto at = [&](int ms) { bed.scheduler.advance(client::Time{} + client::Duration(ms)); };

  post();
  const Socket connection(bed.server.accept());
  answer(connection.fd());
  finish();
  at(3999);
  CHECK(is_open(connection.fd()));

  post();
  answer(connection.fd());
  finish();
  at(7998);
  CHECK(is_open(connection.fd()));
  at(7999);
  char byte = 0;
  CHECK(::recv(connection.fd(), &byte, 1, 0) == 0);
}

TEST_CASE("a stream is read no faster than the client's thread takes it") {
  constexpr std::size_t kParts = 1024, kPart = 65'536;  // far more than sockets hold
  Bed bed;
  std::size_t bytes = 0;
  bool over = false;
  bed.network.stream("v1/sse", "body",
                     {.open = [](const client::HttpAnswer&) {},
                      .data = [&](std::string_view part) { bytes += part.size(); },
                      .closed = [&](const client::HttpAnswer&) { over = true; }});
  const Socket connection(bed.server.accept());
  read_until(connection.fd(), "\r\n\r\nbody");
  std::atomic<std::size_t> sent = 0;
  std::thread server([&] {
    send(connection.fd(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    const std::string part(kPart, 'x');
    for (std::size_t i = 0; i < kParts; ++i, sent += kPart) send(connection.fd(), part);
    ::shutdown(connection.fd(), SHUT_WR);
  });
  // Nothing is taken: it comes to rest.
  for (std::size_t before = 1; sent != before;) {
    before = sent;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  CHECK(sent < kParts * kPart);
  while (!over) bed.tasks.run_one();
  server.join();
  CHECK(bytes == kParts * kPart);
}

TEST_CASE("a fragment that would make the sum of all lengths run over ends a WebSocket") {
  Bed bed;
  std::string reason;
  bed.network.websocket("v1/ws",
                        {.open = [] {},
                         .text = [](const std::string&) { FAIL("a message"); },
                         .closed = [&](int, const std::string& text, int) { reason = text; }});
  const Socket connection(bed.server.accept());
  upgrade(connection.fd());
  send(connection.fd(), "\x01\x01x");
  send(connection.fd(), "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff");
  while (reason.empty()) bed.tasks.run_one();
  CHECK(reason == "it sent a frame that is too large");
}
