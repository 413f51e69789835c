#include "net/shard.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"
#include "net/connection_limits.h"

using namespace sigway;
using namespace sigway::net;
using namespace sigway::net::testing;
using namespace std::chrono_literals;

TEST_CASE("posted functions run in the order of each poster, and none after stop") {
  base::MemoryBudget budget(1U << 30U);
  Shard shard(3, budget);
  CHECK(shard.index() == 3);
  constexpr int kPosters = 4;
  constexpr int kPosts = 2000;
  std::vector<int> next(kPosters, 0);
  int done = 0;
  bool in_order = true;
  std::vector<std::thread> threads;
  for (int poster = 0; poster < kPosters; ++poster) {
    threads.emplace_back([&, poster] {
      for (int i = 0; i < kPosts; ++i) {
        shard.post([&, poster, i] {
          in_order &= next[poster]++ == i && shard.is_current_thread();
          if (++done == kPosters * kPosts) shard.stop();
        });
      }
    });
  }
  CHECK_FALSE(shard.is_current_thread());
  shard.run();
  for (auto& thread : threads) thread.join();
  CHECK(in_order);
  CHECK(done == kPosters * kPosts);
  auto token = std::make_shared<int>(0);
  shard.post([token] {});
  CHECK(token.use_count() == 1);
}

TEST_CASE("what was posted before bytes were sent runs before they are read") {
  Fixture f;
  std::string order;
  auto script = std::make_unique<Script>();
  script->data = [&](Connection&, const std::string&) {
    order += " read";
    f.shard.stop();
  };
  const int far = f.connect(std::move(script));
  f.shard.post([&] {
    f.shard.post([&] { order += " posted"; });
    CHECK(::write(far, "x", 1) == 1);
  });
  f.shard.run();
  CHECK(order == " posted read");
}

TEST_CASE("timers fire and the end of the turn comes after everything in it") {
  base::MemoryBudget budget(1U << 30U);
  Shard shard(0, budget);
  std::vector<std::string> order;
  struct Holder {
    std::function<void()> function;
    base::Timer timer = base::Timer::calling<&Holder::run>(this);
    void run() { function(); }
  } soon, later;
  const auto start = shard.now();
  // The later one is set within: a thread that wakes late would find both due in one turn.
  soon.function = [&] {
    shard.at_end_of_turn([&] { order.push_back("end"); });
    order.push_back("soon");
    shard.schedule_in(later.timer, 40ms);
  };
  later.function = [&] {
    order.push_back("later");
    shard.stop();
  };
  shard.schedule_in(soon.timer, 20ms);
  shard.run();
  CHECK(order == std::vector<std::string>{"soon", "end", "later"});
  CHECK(base::Clock::now() - start >= 60ms);
}

TEST_CASE("what is written in a turn goes out at its end, owned and shared alike") {
  Fixture f;
  auto script = std::make_unique<Script>();
  const auto shared = std::make_shared<const std::string>("shared ");
  script->data = [&](Connection& connection, const std::string& text) {
    CHECK(text == "go");
    for (int i = 0; i < 200; ++i) connection.write(shared);
    connection.write(base::Bytes::of_static("static"));
    CHECK(connection.queued_bytes() == 200 * 7 + 6);
    connection.close_after_flush();
    connection.write("too late");
    CHECK_FALSE(connection.is_open());
  };
  script->closed = [&](CloseReason reason) {
    CHECK(reason == CloseReason::local);
    f.shard.stop();
  };
  const int end = f.connect(std::move(script));
  Fixture::write(end, "go");
  std::string all;
  std::thread reader([&] {
    all = Fixture::read_all(end);
    ::shutdown(end, SHUT_WR);
  });
  f.shard.run();
  reader.join();
  CHECK(all.size() == 200 * 7 + 6);
  CHECK(all.ends_with("shared static"));
  CHECK(shared.use_count() == 1);
}

TEST_CASE("a handler may close, and replace itself, from within on_data") {
  Fixture f;
  std::string seen;
  bool first_destroyed = false;
  auto second = std::make_unique<Script>();
  second->attached = [&](Connection&) {
    seen += "attached ";
    CHECK_FALSE(first_destroyed);  // it is still on the stack
  };
  second->data = [&](Connection& connection, const std::string& text) {
    seen += text;
    if (text == " later") connection.abort();
  };
  second->closed = [&](CloseReason) { f.shard.stop(); };
  auto first = std::make_unique<Script>();
  first->destroyed = [&] { first_destroyed = true; };
  first->closed = [](CloseReason) { FAIL("a replaced handler hears nothing more"); };
  int end = -1;
  first->data = [&](Connection& connection, const std::string& text) {
    CHECK(text == "head|rest");
    connection.replace_handler(std::move(second), "rest");
    f.shard.at_end_of_turn([&] { Fixture::write(end, " later"); });
  };
  end = f.connect(std::move(first));
  Fixture::write(end, "head|rest");
  f.shard.run();
  CHECK(seen == "attached rest later");
  CHECK(first_destroyed);
}

TEST_CASE("a connection replaced outside on_data gets its unread bytes too, when reading is on") {
  Fixture f;
  std::string seen;
  auto script = std::make_unique<Script>();
  auto next = std::make_unique<Script>();
  next->attached = [](Connection& connection) { connection.pause_reading(); };
  next->data = [&](Connection&, const std::string& text) {
    seen += text;
    f.shard.stop();
  };
  ConnectionId id = 0;
  script->attached = [&](Connection& connection) { id = connection.id(); };
  f.connect(std::move(script));
  f.shard.post([&] { f.shard.find(id)->replace_handler(std::move(next), "unread"); });
  f.shard.post([&] {
    f.shard.post([&] {
      CHECK(seen.empty());
      f.shard.find(id)->resume_reading();
    });
  });
  f.shard.run();
  CHECK(seen == "unread");
}

TEST_CASE("a paused connection is not read, a resumed one is") {
  Fixture f;
  std::string seen;
  auto script = std::make_unique<Script>();
  ConnectionId id = 0;
  script->attached = [&](Connection& connection) { id = connection.id(); };
  script->data = [&](Connection& connection, const std::string& text) {
    seen += text;
    connection.pause_reading();
    if (seen.size() == 2) f.shard.stop();
  };
  const int end = f.connect(std::move(script));
  Fixture::write(end, "a");
  struct Resumer {
    std::function<void()> function;
    base::Timer timer = base::Timer::calling<&Resumer::run>(this);
    void run() { function(); }
  } resumer;
  resumer.function = [&] {
    CHECK(seen == "a");
    Fixture::write(end, "b");
    f.shard.find(id)->resume_reading();
  };
  f.shard.schedule_in(resumer.timer, 40ms);
  f.shard.run();
  CHECK(seen == "ab");
}

TEST_CASE(
    "on_drained comes when everything is with the socket; nobody reading means a write timeout") {
  Fixture f;
  f.port->connections.write_timeout = 50ms;
  int drained = 0;
  auto script = std::make_unique<Script>();
  script->attached = [](Connection& connection) { connection.write("small"); };
  script->drained = [&](Connection& connection) {
    ++drained;
    CHECK(connection.queued_bytes() == 0);
    connection.write(std::string(8 << 20, 'x'));
  };
  script->closed = [&](CloseReason reason) {
    CHECK(reason == CloseReason::write_timeout);
    f.shard.stop();
  };
  f.connect(std::move(script));
  f.shard.run();
  CHECK(drained == 1);
}

TEST_CASE("idle connections are reclaimed oldest first, and ids are never reused") {
  Fixture f;
  std::vector<int> closed;
  std::vector<ConnectionId> ids;
  for (int i = 0; i < 4; ++i) {
    auto script = std::make_unique<Script>();
    script->attached = [&, i](Connection& connection) {
      ids.push_back(connection.id());
      if (i != 1) connection.set_idle(true);
    };
    script->closed = [&, i](CloseReason reason) {
      if (reason == CloseReason::idle_reclaimed) closed.push_back(i);
    };
    f.connect(std::move(script));
  }
  CHECK(f.shard.idle_count() == 3);
  f.shard.post([&] {
    CHECK(f.shard.reclaim_idle(2) == 2);
    CHECK(f.shard.find(ids[0]) == nullptr);
    CHECK(f.shard.find(ids[1]) != nullptr);
    f.shard.post([&] {
      CHECK(f.shard.connection_count() == 2);
      CHECK(f.shard.reclaim_idle(5) == 1);
      f.shard.stop();
    });
  });
  f.shard.run();
  CHECK(closed == std::vector<int>{0, 2, 3});
  CHECK(f.shard.connection_count() == 0);
  CHECK(ids == std::vector<ConnectionId>{1, 2, 3, 4});
}

TEST_CASE(
    "an idle connection with a request on its way in or an answer on its way out is not "
    "reclaimed") {
  Fixture f;
  std::vector<ConnectionId> ids;
  std::vector<int> ends;
  for (int i = 0; i < 3; ++i) {
    ends.push_back(f.connect_idle(ids));
  }
  f.shard.post([&] {
    f.shard.find(ids[0])->write(base::Bytes::of_static("answer"));
    Fixture::write(ends[1], "request");
    CHECK(f.shard.reclaim_idle(3) == 1);
    CHECK(f.shard.find(ids[2]) == nullptr);
    f.shard.post([&] {
      // The answer is out by now.
      CHECK(f.shard.reclaim_idle(3) >= 1);
      CHECK(f.shard.find(ids[0]) == nullptr);
      f.shard.stop();
    });
  });
  f.shard.run();
  CHECK(Fixture::read_all(ends[0]) == "answer");
}

TEST_CASE("idle connections that cannot be reclaimed do not hide one that can") {
  Fixture f;
  std::vector<ConnectionId> ids;
  for (int i = 0; i < 65; ++i) {
    f.connect_idle(ids);
  }
  f.shard.post([&] {
    for (int i = 0; i < 64; ++i) f.shard.find(ids[i])->write(base::Bytes::of_static("answer"));
    CHECK(f.shard.reclaim_idle(1) == 0);
    CHECK(f.shard.reclaim_idle(1) == 1);
    CHECK(f.shard.find(ids[64]) == nullptr);
    f.shard.stop();
  });
  f.shard.run();
}

TEST_CASE("stopping closes every connection and says so to its handler") {
  Fixture f;
  int shut_down = 0;
  for (int i = 0; i < 3; ++i) {
    auto script = std::make_unique<Script>();
    script->closed = [&](CloseReason reason) { shut_down += reason == CloseReason::shutdown; };
    f.connect(std::move(script));
  }
  f.shard.post([&] { f.shard.stop(); });
  f.shard.run();
  CHECK(shut_down == 3);
}

TEST_CASE("connections of one IPv6 /64 are counted together, refused ones too") {
  auto limits = std::make_shared<ConnectionLimits>(
      ConnectionLimits::Options{.per_address = 1, .address_refusals = 1});
  std::vector<std::unique_ptr<ConnectionPermit>> permits;
  const auto one_more = [&](const char* ip) {
    permits.push_back(limits->count(*Address::parse(ip, 5)));
  };
  const Address next = *Address::parse("2001:db8::9");
  one_more("2001:db8::1");
  one_more("2001:db8:0:1::1");
  CHECK_FALSE(limits->is_address_exceeded(next));
  one_more("2001:db8::2");
  CHECK(limits->is_address_exceeded(next));
  CHECK_FALSE(limits->are_address_refusals_exceeded(next));
  one_more("2001:db8::3");
  CHECK(limits->are_address_refusals_exceeded(next));
  permits.clear();
  CHECK_FALSE(limits->is_address_exceeded(next));
}

TEST_CASE("connections are counted in all and by address") {
  auto limits = std::make_shared<ConnectionLimits>(
      ConnectionLimits::Options{.total = 2, .refusals = 1, .per_address = 1});
  const Address a = *Address::parse("10.0.0.1", 5);
  const Address b = *Address::parse("10.0.0.2", 5);
  auto first = limits->count(a);
  CHECK_FALSE(limits->is_address_exceeded(a));
  auto second = limits->count(a.with_port(6));
  CHECK(limits->is_address_exceeded(a));
  CHECK_FALSE(limits->is_address_exceeded(b));
  CHECK_FALSE(limits->is_total_exceeded());
  auto third = limits->count(b);
  CHECK(limits->is_total_exceeded());
  CHECK_FALSE(limits->are_refusals_exceeded());
  second.reset();
  CHECK_FALSE(limits->is_address_exceeded(a));
  CHECK(limits->total() == 2);
}
