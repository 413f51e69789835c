#include "net/spare_descriptor.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using namespace sigway::net;  // NOLINT(google-build-using-namespace)

namespace {

// A port with one client that waits to be accepted.
class Port {
 public:
  Port() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(listening_, generic, size) == 0);
    REQUIRE(::listen(listening_, 1) == 0);
    REQUIRE(::getsockname(listening_, generic, &size) == 0);
    REQUIRE(::connect(client_, generic, size) == 0);
  }
  ~Port() {
    ::close(client_);
    ::close(listening_);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  int listening() const { return listening_; }

 private:
  const int listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int client_ = ::socket(AF_INET, SOCK_STREAM, 0);
};

// While it lives, the process has no descriptor left.
class Exhaustion {
 public:
  Exhaustion() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lowered = before_;
    lowered.rlim_cur = 200;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
    for (int taken; (taken = ::open("/dev/null", O_RDONLY)) >= 0;) taken_.push_back(taken);
  }
  ~Exhaustion() {
    for (const int taken : taken_) ::close(taken);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  Exhaustion(const Exhaustion&) = delete;
  Exhaustion& operator=(const Exhaustion&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

}  // namespace

TEST_CASE("the spare descriptor accepts a connection to be refused, again and again") {
  const Port first;
  const Port second;
  SpareDescriptor spare;
  const Exhaustion exhaustion;
  CHECK(spare.accept(first.listening()) == -1);
  int refused = 0;
  const auto refuse = [&refused](int descriptor) {
    ++refused;
    ::close(descriptor);
  };
  CHECK(spare.accept_to_refuse(first.listening(), refuse));
  CHECK_FALSE(spare.accept_to_refuse(first.listening(), refuse));  // nobody waits
  CHECK(spare.accept_to_refuse(second.listening(), refuse));
  CHECK(refused == 2);
}

TEST_CASE("nobody accepts a connection with a spare descriptor that is given up elsewhere") {
  const Port busy;
  const Port idle;
  SpareDescriptor spare;
  std::atomic<bool> is_running = false;
  std::atomic<bool> is_exhausted = false;
  std::atomic<bool> is_done = false;
  std::atomic<int> stolen = -1;
  // UBSan looks at a new thread's function with a descriptor of its own, so it starts before.
  std::thread thief([&] {
    is_running = true;
    while (!is_exhausted) std::this_thread::yield();
    while (!is_done && stolen < 0) stolen = spare.accept(busy.listening());
  });
  while (!is_running) std::this_thread::yield();
  const Exhaustion exhaustion;
  is_exhausted = true;
  const auto refuse = [](int descriptor) { ::close(descriptor); };
  CHECK(spare.accept_to_refuse(idle.listening(), refuse));

  for (int i = 0; i < 20000 && stolen < 0; ++i) spare.accept_to_refuse(idle.listening(), refuse);
  is_done = true;
  thief.join();
  CHECK(stolen == -1);
  CHECK(spare.accept_to_refuse(busy.listening(), refuse));
}

TEST_CASE("a spare descriptor that could not be had is taken when there is one again") {
  const Port port;
  const auto refuse = [](int descriptor) { ::close(descriptor); };
  auto exhaustion = std::make_unique<Exhaustion>();
  SpareDescriptor spare;
  CHECK_FALSE(spare.accept_to_refuse(port.listening(), refuse));
  exhaustion.reset();
  CHECK(spare.accept_to_refuse(port.listening(), refuse));
}
