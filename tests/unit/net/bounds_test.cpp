// What one connection may take: its share of a turn, its queue, its time, its memory.
#include <doctest/doctest.h>

#include <chrono>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"

using namespace sigway;
using namespace sigway::net;
using namespace sigway::net::testing;
using namespace std::chrono_literals;

namespace {

// What a Bytewise has seen; outlives it.
struct Seen {
  std::string taken;
  std::size_t in_turn = 0, most_queued = 0;
};

// Takes each byte for a request, and answers it with `answer`.
class Bytewise final : public ConnectionHandler {
 public:
  Bytewise(Seen& seen, std::string answer) : seen_(seen), answer_(std::move(answer)) {}

  void on_data(Connection& connection, std::span<std::uint8_t> bytes) override {
    while (!bytes.empty()) {
      if (!connection.take_share()) {
        connection.leave_unread(bytes);
        break;
      }
      seen_.taken += static_cast<char>(bytes.front());
      ++seen_.in_turn;
      bytes = bytes.subspan(1);
      if (!answer_.empty()) connection.write(answer_);
      seen_.most_queued = std::max(seen_.most_queued, connection.queued_bytes());
    }
    if (on_taken) on_taken(connection);
  }
  void on_closed(Connection&, CloseReason reason) override {
    if (closed) closed(reason);
  }

  std::function<void(Connection&)> on_taken;
  std::function<void(CloseReason)> closed;

 private:
  Seen& seen_;
  const std::string answer_;
};

std::string numbered(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

// A stream that takes nothing after its first bytes, over a line of which the test says what it
// has carried.
class SlowLine final : public Stream {
 public:
  SlowLine(int descriptor, std::function<std::uint64_t()> acknowledged)
      : Stream(descriptor),
        inner_(make_plain_stream(descriptor)),
        acknowledged_(std::move(acknowledged)) {}

  bool is_tls() const override { return false; }
  IoResult handshake() override { return {}; }
  IoResult try_read(std::span<std::uint8_t> into) override { return inner_->try_read(into); }
  IoResult try_write(std::span<const iovec> parts) override { return inner_->try_write(parts); }
  std::optional<std::uint64_t> acknowledged_bytes() const override { return acknowledged_(); }
  std::size_t unacknowledged_bytes() const override {
    return unacknowledged ? unacknowledged() : inner_->unacknowledged_bytes();
  }
  void set_user_timeout(std::chrono::milliseconds timeout) override {
    if (timed) timed(timeout);
  }
  void shutdown_write() override { inner_->shutdown_write(); }

  std::function<std::size_t()> unacknowledged;
  std::function<void(std::chrono::milliseconds)> timed;

 private:
  std::unique_ptr<Stream> inner_;
  std::function<std::uint64_t()> acknowledged_;
};

}  // namespace

TEST_CASE("a flood gets its share of each turn, in order, and another connection its own") {
  Fixture f;
  Seen flooding;
  auto flood = std::make_unique<Bytewise>(flooding, "");
  const std::string all = numbered(2000);
  std::size_t most = 0;
  flood->on_taken = [&](Connection&) {
    f.shard.at_end_of_turn([&] {
      most = std::max(most, std::exchange(flooding.in_turn, 0));
      if (flooding.taken.size() == all.size()) f.shard.stop();
    });
  };
  const int end = f.connect(std::move(flood));
  Fixture::write(end, all);
  auto other = std::make_unique<Script>();
  std::size_t before = 0;
  other->data = [&](Connection&, const std::string&) { before = flooding.taken.size(); };
  Fixture::write(f.connect(std::move(other)), "x");
  f.shard.run();
  CHECK(flooding.taken == all);
  CHECK(most <= 8);
  CHECK_MESSAGE(before < 100, "the other one was served between, not after");
}

TEST_CASE("nothing is read that must be answered while the queue is full, and all of it later") {
  Fixture f;
  f.port->connections.output_limit = 100'000;
  Seen handler;
  auto deaf = std::make_unique<Bytewise>(handler, std::string(10'000, 'y'));
  const std::string all = numbered(1500);
  deaf->closed = [&](CloseReason) { f.shard.stop(); };
  const int end = f.connect(std::move(deaf));
  Fixture::write(end, all);
  std::string answers;
  std::thread reader;
  Alarm start([&] {
    CHECK(handler.taken.size() < 200);
    CHECK(handler.most_queued <= 110'000);
    reader = std::thread([&] {
      char buffer[65536];
      while (answers.size() < all.size() * 10'000) {
        const auto count = ::read(end, buffer, sizeof buffer);
        if (count <= 0) break;
        answers.append(buffer, static_cast<std::size_t>(count));
      }
      ::shutdown(end, SHUT_RDWR);
    });
  });
  f.shard.schedule_in(start.timer, 50ms);
  f.shard.run();
  reader.join();
  CHECK(handler.taken == all);
  CHECK(answers.size() == all.size() * 10'000);
  CHECK(handler.most_queued <= 110'000);
}

TEST_CASE("a line that is slow lives, and one below 50 bytes a second does not") {
  Fixture f;
  f.port->connections.write_timeout = 100ms;
  std::uint64_t carried = 0;
  std::uint64_t each_time = 5;  // 50 bytes a second
  int looks = 0;
  auto script = std::make_unique<Script>();
  script->attached = [](Connection& connection) { connection.write(std::string(8 << 20, 'x')); };
  CloseReason why{};
  script->closed = [&](CloseReason reason) {
    why = reason;
    f.shard.stop();
  };
  f.connect(std::move(script), [&](int descriptor) {
    return std::make_unique<SlowLine>(descriptor, [&] {
      // Asked at the end of each timeout and at the beginning of the next.
      if (++looks % 2 == 0) carried += looks < 10 ? each_time : each_time - 1;
      return carried;
    });
  });
  f.shard.run();
  CHECK(why == CloseReason::write_timeout);
  CHECK(looks == 10);
}

TEST_CASE("the system's own timer is off until all that waited has arrived, however slowly") {
  Fixture f;
  f.port->connections.write_timeout = 100ms;
  f.port->connections.user_timeout = 60s;
  const std::string all(8 << 20, 'x');
  auto script = std::make_unique<Script>();
  script->attached = [&](Connection& connection) { connection.write(all); };
  CloseReason why{};
  script->closed = [&](CloseReason reason) {
    why = reason;
    f.shard.stop();
  };
  std::uint64_t carried = 0;
  std::vector<std::chrono::milliseconds> timeouts;
  // In the system's buffer, when the queue is empty: at the end of a timeout, at the next one's
  // begin.
  std::vector<std::size_t> left{2, 2, 1, 1, 0};
  bool has_all = false;
  script->drained = [&](Connection&) {
    has_all = true;
    carried += 1000;
  };
  const int end = f.connect(std::move(script), [&](int descriptor) {
    auto line =
        std::make_unique<SlowLine>(descriptor, [&] { return carried += has_all ? 0 : 1000; });
    line->unacknowledged = [&]() -> std::size_t {
      if (!has_all) return 100;
      const auto now = left.front();
      if (left.size() > 1) left.erase(left.begin());
      ++carried;  // less than 50 bytes a second, but there is no more
      return now;
    };
    line->timed = [&](std::chrono::milliseconds timeout) {
      timeouts.push_back(timeout);
      if (timeouts.size() == 2) f.shard.stop();
    };
    return line;
  });
  std::thread reader([&] {
    std::vector<char> buffer(1 << 16);
    for (std::size_t got = 0; got < all.size();) {
      const auto count = ::read(end, buffer.data(), buffer.size());
      if (count <= 0) return;
      got += static_cast<std::size_t>(count);
    }
  });
  f.shard.run();
  reader.join();
  CHECK(why != CloseReason::write_timeout);
  CHECK(timeouts == std::vector<std::chrono::milliseconds>{0ms, 60s});
}

TEST_CASE("the client of a download may pause for what it has acknowledged, up to a bound") {
  struct Row {
    const char* what;
    bool is_download;
    std::uint64_t at_once;       // acknowledged before the first look
    std::uint64_t at_each_look;  // at each further one
    int timeouts;                // until it is closed
  };
  // One timeout is a tenth of a second: 25 acknowledged bytes earn one, and 5 need none.
  for (const Row& row : {
           Row{"nothing earned", true, 0, 0, 1},
           Row{"not a download", false, 1'000'000, 0, 2},
           Row{"one timeout and what moved in the first", true, 49, 0, 3},
           Row{"two timeouts", true, 50, 0, 4},
           Row{"the longest pause", true, 1'000'000, 0, 22},
           Row{"a drip does not make it longer", true, 1'000'000, 1, 22},
           Row{"a drip alone", true, 0, 1, 1},
       }) {
    CAPTURE(row.what);
    Fixture f;
    f.port->connections.write_timeout = 100ms;
    int looks = 0;
    auto script = std::make_unique<Script>();
    script->attached = [&](Connection& connection) {
      connection.allow_pauses(row.is_download);
      connection.write(std::string(8 << 20, 'x'));
    };
    CloseReason why{};
    script->closed = [&](CloseReason reason) {
      why = reason;
      f.shard.stop();
    };
    std::uint64_t carried = 7'000'000;  // of answers before: they earn nothing
    const int before = row.is_download ? 2 : 1;
    f.connect(std::move(script), [&](int descriptor) {
      return std::make_unique<SlowLine>(descriptor, [&] {
        // When the download begins, when the first timeout does; then at the end of each and at the
        // beginning of the next.
        ++looks;
        if (looks == before + 1) carried += row.at_once;
        if (looks > before + 1 && (looks - before) % 2 == 1) carried += row.at_each_look;
        return carried;
      });
    });
    f.shard.run();
    CHECK(why == CloseReason::write_timeout);
    CHECK((looks - before + 1) / 2 == row.timeouts);
  }
}

TEST_CASE("what a connection holds is counted, and the one that holds most is cut") {
  Fixture f;
  f.port->connections.output_limit = 1 << 20;
  std::vector<std::string> ended;
  Connection* connections[2] = {};
  for (int i = 0; i < 2; ++i) {
    auto script = std::make_unique<Script>();
    script->attached = [&, i](Connection& connection) { connections[i] = &connection; };
    script->closed = [&, i](CloseReason reason) {
      ended.push_back(std::to_string(i) + " " + std::string(to_string(reason)));
    };
    f.connect(std::move(script));
  }
  f.shard.post([&] {
    connections[0]->hold_input(5'000);
    CHECK(f.budget.used(base::MemoryPart::input) == 5'000);
    connections[1]->write(std::string(2 << 20, 'z'));
    connections[0]->write(base::Bytes::of_static("the program's own"));
    f.shard.post([&] {
      const auto output = f.budget.used(base::MemoryPart::output);
      CHECK_MESSAGE(output >= std::size_t{2} << 20U, "the kernel has not taken all of it");
      CHECK(output < (std::size_t{2} << 20U) + 4'096);
      connections[0]->hold_input(std::size_t{3} << 29U);
      f.shard.post([&] {
        CHECK(ended == std::vector<std::string>{"0 memory"});
        CHECK(f.budget.used(base::MemoryPart::input) == 0);
        connections[1]->abort();
        CHECK(f.budget.used() == 0);
        f.shard.stop();
      });
    });
  });
  f.shard.run();
  CHECK(ended == std::vector<std::string>{"0 memory", "1 local"});
}

TEST_CASE("an allocation that fails ends that connection, or that function, and nothing else") {
  Fixture f;
  auto failing = std::make_unique<Script>();
  failing->data = [](Connection&, const std::string&) { throw std::bad_alloc(); };
  std::string seen;
  failing->closed = [&](CloseReason reason) { seen += "closed " + std::string(to_string(reason)); };
  Fixture::write(f.connect(std::move(failing)), "x");
  Alarm throws([] { throw std::bad_alloc(); });
  f.shard.schedule_in(throws.timer, 10ms);
  bool neighbour = false;
  Alarm same_tick([&] { neighbour = true; });
  f.shard.schedule_in(same_tick.timer, 10ms);
  f.shard.post([] { throw std::bad_alloc(); });
  f.shard.post([&] { f.shard.at_end_of_turn([] { throw std::bad_alloc(); }); });
  auto other = std::make_unique<Script>();
  other->data = [&](Connection&, const std::string& text) { seen += ", heard " + text; };
  const int end = f.connect(std::move(other));
  Alarm later([&] {
    Fixture::write(end, "y");
    f.shard.post([&] { f.shard.post([&] { f.shard.stop(); }); });
  });
  f.shard.schedule_in(later.timer, 60ms);
  f.shard.run();
  CHECK(seen == "closed memory, heard y");
  CHECK(neighbour);
  CHECK(f.shard.failed_allocations() == 4);
}

TEST_CASE("posted functions are bounded in a turn, and keep their order") {
  Fixture f;
  constexpr int kCount = 3000;
  int done = 0;
  int in_turn = 0;
  int most = 0;
  bool in_order = true;
  for (int i = 0; i < kCount; ++i) {
    f.shard.post([&, i] {
      in_order = in_order && done++ == i;
      if (in_turn++ == 0) {
        f.shard.at_end_of_turn([&] { most = std::max(most, std::exchange(in_turn, 0)); });
      }
      if (done == kCount) f.shard.stop();
    });
  }
  f.shard.run();
  CHECK(done == kCount);
  CHECK(in_order);
  CHECK(most <= 256);
}

// The wake of such a function is used up by the turn that runs the rest of the batch.
TEST_CASE("what is posted while the rest of a batch waits runs without another event") {
  int poster = 0;
  int count = 300;
  SUBCASE("by the first of two turns") {}
  SUBCASE("by the last of the first turn") { poster = 255; }
  SUBCASE("by the second of three turns") {
    poster = 300;
    count = 600;
  }
  Fixture f;
  const auto begun = f.shard.now();
  base::TimePoint ran;
  Alarm alarm([&] { f.shard.stop(); });  // or the loop sleeps for a minute
  f.shard.schedule_in(alarm.timer, 40s);
  for (int i = 0; i < count; ++i) {
    f.shard.post([&, i] {
      if (i != poster) return;
      f.shard.post([&] {
        ran = f.shard.now();
        f.shard.stop();
      });
    });
  }
  f.shard.run();
  CHECK(ran >= begun);
  CHECK(ran < begun + 20s);  // by its own wake, and not by the alarm
}
