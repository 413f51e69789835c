#include "net/poller.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "fixture.h"

using namespace sigway;
using namespace sigway::net;
using namespace std::chrono_literals;

namespace {

// A socket pair of which the near end is watched.
struct Wire {
  Wire() {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    near = pair[0];
    far = pair[1];
  }
  ~Wire() {
    watch.stop();
    if (near >= 0) ::close(near);
    if (far >= 0) ::close(far);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void on_ready(Ready ready) {
    last = ready;
    ++told;
    // Not the member itself: it may destroy this object.
    if (const auto run = action) run();
  }
  void start(Poller& poller, Trigger trigger) { watch.start(poller, near, trigger); }
  void send(const std::string& text = "x") const {
    REQUIRE(::write(far, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::string receive() const {
    char buffer[100];
    const auto count = ::read(near, buffer, sizeof buffer);
    return {buffer, count > 0 ? static_cast<std::size_t>(count) : 0};
  }
  void fill() const {
    const std::string much(64 * 1024, 'x');
    while (::write(near, much.data(), much.size()) > 0) {
    }
  }
  void empty_far() const {
    char buffer[64 * 1024];
    while (::read(far, buffer, sizeof buffer) > 0) {
    }
  }

  int near = -1;
  int far = -1;
  Watch watch = Watch::calling<&Wire::on_ready>(this);
  Ready last;
  int told = 0;
  std::function<void()> action;
};

int turn(Poller& poller) {
  poller.wait(0ms);
  int count = 0;
  while (poller.dispatch()) ++count;
  return count;
}

}  // namespace

TEST_CASE("an edge is told once, a level for as long as it lasts") {
  Poller poller(8);
  Wire edge;
  Wire level;
  edge.start(poller, Trigger::edge);
  level.start(poller, Trigger::level);
  CHECK(turn(poller) == 0);
  edge.send();
  level.send();
  CHECK(turn(poller) == 2);
  CHECK(edge.last.readable);
  CHECK_FALSE(edge.last.writable);
  CHECK_FALSE(edge.last.beyond_bytes);
  CHECK(turn(poller) == 1);
  CHECK(edge.told == 1);
  CHECK(level.told == 2);
  // More is another edge, also when nothing has been read.
  edge.send();
  level.receive();
  CHECK(turn(poller) == 1);
  CHECK(edge.told == 2);
}

TEST_CASE("what was there before the watch began is told") {
  Poller poller(8);
  Wire wire;
  wire.send();
  wire.start(poller, Trigger::edge);
  CHECK(turn(poller) == 1);
}

TEST_CASE("writing is told when it is asked for, at once if it is possible") {
  Poller poller(8);
  Wire wire;
  wire.start(poller, Trigger::edge);
  CHECK(turn(poller) == 0);
  wire.watch.add_writing();
  CHECK(turn(poller) == 1);
  CHECK(wire.last.writable);
  CHECK_FALSE(wire.last.readable);
  CHECK(turn(poller) == 0);
  // Asked for again, it is told again.
  wire.watch.add_writing();
  CHECK(turn(poller) == 1);
  wire.fill();
  wire.watch.add_writing();
  CHECK(turn(poller) == 0);
  wire.empty_far();
  CHECK(turn(poller) == 1);
  CHECK(wire.last.writable);
}

TEST_CASE("a paused level is silent, and tells after the pause what came in it") {
  Poller poller(8);
  Wire wire;
  wire.start(poller, Trigger::level);
  wire.send();
  CHECK(turn(poller) == 1);
  wire.watch.pause();
  CHECK(turn(poller) == 0);
  wire.send();
  CHECK(turn(poller) == 0);
  wire.watch.resume();
  CHECK(turn(poller) == 1);
  CHECK(wire.receive() == "xx");
}

TEST_CASE("an end comes with the last bytes, and is more than bytes") {
  Poller poller(8);
  Wire wire;
  wire.start(poller, Trigger::edge);
  wire.send("last");
  ::shutdown(wire.far, SHUT_WR);
  CHECK(turn(poller) == 1);
  CHECK(wire.last.readable);
  CHECK(wire.last.beyond_bytes);
  ::close(std::exchange(wire.far, -1));
  CHECK(turn(poller) == 1);
  CHECK(wire.last.beyond_bytes);
  CHECK(wire.last.writable);  // so that a write is tried, and fails
}

TEST_CASE("a callback may destroy its own watch and one whose event is in the same batch") {
  Poller poller(8);
  auto first = std::make_unique<Wire>();
  auto second = std::make_unique<Wire>();
  int told = 0;
  // Whichever comes first, the other must not be called.
  const auto destroy_both = [&] {
    ++told;
    first.reset();
    second.reset();
  };
  for (auto* const wire : {first.get(), second.get()}) {
    wire->action = destroy_both;
    wire->start(poller, Trigger::edge);
    wire->send();
  }
  CHECK(turn(poller) == 1);
  CHECK(told == 1);
  CHECK(turn(poller) == 0);
}

TEST_CASE("an event is not told to a new watch on the same descriptor and in the same place") {
  Poller poller(8);
  auto first = std::make_unique<Wire>();
  auto second = std::make_unique<Wire>();
  std::unique_ptr<Wire> next;
  const auto replace_other = [&](std::unique_ptr<Wire>& other) {
    const int near = other->near;
    const int far = other->far;
    other.reset();
    next = std::make_unique<Wire>();
    CHECK_MESSAGE((next->near == near && next->far == far), "the kernel gives the lowest number");
    next->start(poller, Trigger::level);
  };
  first->action = [&] { replace_other(second); };
  second->action = [&] { replace_other(first); };
  for (auto* const wire : {first.get(), second.get()}) {
    wire->start(poller, Trigger::edge);
    wire->send();
  }
  CHECK(turn(poller) == 1);
  REQUIRE(next);
  CHECK(next->told == 0);
  CHECK(turn(poller) == 0);
  next->send();
  CHECK(turn(poller) == 1);
  CHECK(next->told == 1);
}

TEST_CASE("a watch that has stopped hears nothing, although its descriptor is still open") {
  Poller poller(8);
  Wire wire;
  wire.start(poller, Trigger::edge);
  wire.send();
  wire.watch.stop();
  CHECK_FALSE(wire.watch.is_started());
  CHECK(turn(poller) == 0);
  // Another one takes its place in the poller.
  Wire other;
  other.start(poller, Trigger::edge);
  wire.send();
  CHECK(turn(poller) == 0);
  CHECK(wire.told + other.told == 0);
}

TEST_CASE("what a batch does not hold comes in the next ones, each once") {
  Poller poller(4);
  std::vector<std::unique_ptr<Wire>> wires;
  for (int i = 0; i < 10; ++i) {
    wires.push_back(std::make_unique<Wire>());
    wires.back()->start(poller, Trigger::edge);
    wires.back()->send();
  }
  std::vector<int> counts;
  for (int i = 0; i < 4; ++i) counts.push_back(turn(poller));
  CHECK(counts == std::vector<int>{4, 4, 2, 0});
  for (const auto& wire : wires) CHECK(wire->told == 1);
}

TEST_CASE("a callback that throws does not keep the others from their events") {
  Poller poller(8);
  Wire first;
  Wire second;
  for (auto* const wire : {&first, &second}) {
    wire->action = [] { throw std::bad_alloc(); };
    wire->start(poller, Trigger::edge);
    wire->send();
  }
  poller.wait(0ms);
  CHECK_THROWS_AS(poller.dispatch(), std::bad_alloc);
  CHECK_THROWS_AS(poller.dispatch(), std::bad_alloc);
  CHECK_FALSE(poller.dispatch());
  CHECK(first.told + second.told == 2);
}

TEST_CASE("a wait lasts for its time and no shorter") {
  Poller poller(8);
  for (const auto longest : {base::Duration(1), base::Duration(1500us), base::Duration(12ms)}) {
    const auto began = base::Clock::now();
    poller.wait(longest);
    CHECK(base::Clock::now() - began >= longest);
  }
}

TEST_CASE("a wake ends the wait that runs, from another thread, each time") {
  Poller poller(8);
  constexpr int kTimes = 200;
  std::atomic<int> asked{0};
  std::atomic<int> heard{0};
  std::thread waker([&] {
    for (int i = 1; i <= kTimes; ++i) {
      asked.store(i);
      poller.wake();
      while (heard.load() < i) std::this_thread::yield();
    }
  });
  while (heard.load() < kTimes) {
    // Far longer than the test may take: a lost wake shows itself by the timeout.
    if (asked.load() == heard.load()) poller.wait(1h);
    CHECK_FALSE(poller.dispatch());
    heard.store(asked.load());
  }
  waker.join();
}

TEST_CASE("a wake before the wait keeps it from waiting, and only it") {
  Poller poller(8);
  poller.wake();
  poller.wake();
  poller.wait(1h);
  const auto began = base::Clock::now();
  poller.wait(10ms);
  CHECK(base::Clock::now() - began >= 10ms);
}

TEST_CASE("what cannot be watched is an error, and leaves no trace") {
  Poller poller(8);
  Wire wire;
  const int file = ::open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  REQUIRE(file >= 0);
  CHECK_THROWS_AS(wire.watch.start(poller, file, Trigger::edge), std::system_error);
  ::close(file);
  CHECK_FALSE(wire.watch.is_started());
  wire.start(poller, Trigger::edge);
  wire.send();
  CHECK(turn(poller) == 1);
}

TEST_CASE("without a descriptor there is no poller, and none is lost by trying") {
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  // Room for none, then for the set alone.
  for (const int room : {0, 1}) {
    const rlimit tight{static_cast<rlim_t>(next + room), old.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    CHECK_THROWS_AS(Poller{8}, std::system_error);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
    const int free = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    CHECK(free == next);
    ::close(free);
  }
}
