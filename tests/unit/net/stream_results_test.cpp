// Every step on a stream with every result that it can have: a loop ends, or makes progress.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <vector>

#include "fixture.h"

using namespace sigway;
using namespace sigway::net;
using namespace sigway::net::testing;
using namespace std::chrono_literals;

namespace {

enum class Step { handshake, read, write };

// One step always comes to the same; the others work.
class OneResult final : public Stream {
 public:
  OneResult(int descriptor, bool tls, Step step, const IoResult& result, int& calls)
      : Stream(descriptor),
        inner_(make_plain_stream(descriptor)),
        is_tls_(tls),
        step_(step),
        result_(result),
        calls_(calls) {}

  bool is_tls() const override { return is_tls_; }
  IoResult handshake() override { return step_ == Step::handshake ? told() : IoResult(); }
  IoResult try_read(std::span<std::uint8_t> into) override {
    if (step_ == Step::read) return told();
    return inner_->try_read(into);
  }
  IoResult try_write(std::span<const iovec> parts) override {
    if (step_ != Step::write) return inner_->try_write(parts);
    IoResult result = told();
    result.bytes = std::min(result.bytes, parts.front().iov_len);
    return result;
  }
  void shutdown_write() override { inner_->shutdown_write(); }

 private:
  IoResult told() {
    ++calls_;
    return result_;
  }

  std::unique_ptr<Stream> inner_;
  const bool is_tls_;
  const Step step_;
  const IoResult result_;
  int& calls_;
};

// Takes so many steps in a turn and no more: the others are cut.
class BoundedSteps final : public Stream {
 public:
  BoundedSteps(int descriptor, int handshakes)
      : Stream(descriptor), inner_(make_plain_stream(descriptor)), handshakes_(handshakes) {}

  bool is_tls() const override { return true; }
  void begin_turn(base::TimePoint) override { left_ = 3; }
  IoResult handshake() override {
    for (; handshakes_ > 0; --handshakes_) {
      if (!takes_step()) return want_read();
    }
    return {};
  }
  IoResult try_read(std::span<std::uint8_t> into) override {
    return takes_step() ? inner_->try_read(into.first(1)) : want_read();
  }
  IoResult try_write(std::span<const iovec> parts) override { return inner_->try_write(parts); }
  void shutdown_write() override { inner_->shutdown_write(); }

 private:
  bool takes_step() { return left_ > 0 && left_-- > 0; }
  static IoResult want_read() {
    IoResult result;
    result.want_read = result.is_cut = true;
    return result;
  }

  std::unique_ptr<Stream> inner_;
  int handshakes_;
  int left_ = 0;
};

struct Named {
  const char* name;
  IoResult result;
};

std::vector<Named> all_results() {
  std::vector<Named> all;
  const auto add = [&](const char* name) -> IoResult& {
    return all.emplace_back(Named{name, {}}).result;
  };
  add("nothing");
  add("error").error = std::make_error_code(std::errc::connection_reset);
  add("end of file").eof = true;
  add("wants to read").want_read = true;
  auto& cut = add("wants to read in the next turn");
  cut.want_read = cut.is_cut = true;
  add("wants to write").want_write = true;
  add("bytes").bytes = 1;
  auto& then_read = add("bytes, then wants to read");
  then_read.bytes = 1;
  then_read.want_read = true;
  auto& then_write = add("bytes, then wants to write");
  then_write.bytes = 1;
  then_write.want_write = true;
  auto& then_end = add("bytes, then end of file");
  then_end.bytes = 1;
  then_end.eof = true;
  auto& then_error = add("bytes, then error");
  then_error.bytes = 1;
  then_error.error = std::make_error_code(std::errc::broken_pipe);
  return all;
}

bool ends_connection(Step step, const IoResult& result) {
  if (result.failed() || result.eof) return true;
  // To the handshake, nothing means that it is done.
  return step != Step::handshake && result.says_nothing();
}

struct AsPlain {
  static constexpr bool kTls = false;
};
struct AsTls {
  static constexpr bool kTls = true;
};

}  // namespace

TEST_CASE_TEMPLATE("every result of every step ends the connection, waits, or is progress", T,
                   AsPlain, AsTls) {
  for (const Step step : {Step::handshake, Step::read, Step::write}) {
    // A plain stream has no handshake, and none of them moves bytes.
    if (step == Step::handshake && !T::kTls) continue;
    for (const Named& each : all_results()) {
      // No structured binding: clang 14 lets no lambda refer to one.
      const char* const name = each.name;
      const IoResult& result = each.result;
      if (step == Step::handshake && result.bytes != 0) continue;
      CAPTURE(static_cast<int>(step));
      CAPTURE(name);
      Fixture f;
      int calls = 0;
      int turns = 0;
      bool closed = false;
      std::size_t delivered = 0;
      auto script = std::make_unique<Script>();
      script->attached = [](Connection& connection) { connection.write(std::string(200, 'x')); };
      script->data = [&](Connection&, const std::string& text) { delivered += text.size(); };
      script->closed = [&](CloseReason) {
        closed = true;
        f.shard.stop();
      };
      const int end = f.connect(std::move(script), [&, told = result](int descriptor) {
        return std::make_unique<OneResult>(descriptor, T::kTls, step, told, calls);
      });
      Fixture::write(end, "go");  // readiness is what starts the steps
      // The loop is given turns, so that one that spins shows itself by its calls.
      std::function<void()> next = [&] {
        if (++turns == 50) return f.shard.stop();
        f.shard.post(next);
      };
      f.shard.post(next);
      f.shard.run();
      if (ends_connection(step, result)) {
        CHECK(closed);
        CHECK_MESSAGE(turns < 50, "by itself, not by the stop");
        CHECK(calls <= 2);
      } else if (step == Step::read && result.bytes != 0) {
        CHECK(delivered == static_cast<std::size_t>(calls));
        CHECK_MESSAGE(calls <= 4 * turns, "its share of a turn and no more");
      } else if (step == Step::write && result.bytes != 0) {
        CHECK(calls <= 200);
      } else {
        // The socket is ready for writing all the time, so a wish to write comes true at once.
        CHECK(calls <= 2 * turns);
      }
    }
  }
}

TEST_CASE("a stream that has done its part of a turn goes on in the next, and misses nothing") {
  Fixture f;
  const std::string all(500, 'a');
  const std::string answer(100, 'b');
  std::string taken;
  std::size_t in_turn = 0;
  std::size_t most = 0;
  std::size_t before = all.size();
  auto other = std::make_unique<Script>();
  other->data = [&](Connection&, const std::string&) { before = taken.size(); };
  const int other_end = f.connect(std::move(other));
  auto script = std::make_unique<Script>();
  script->data = [&](Connection& connection, const std::string& text) {
    if (taken.empty()) Fixture::write(other_end, "x");
    taken += text;
    in_turn += text.size();
    f.shard.at_end_of_turn([&] { most = std::max(most, std::exchange(in_turn, 0)); });
    if (taken.size() < all.size()) return;
    connection.write(answer);
    connection.close_after_flush();
  };
  bool closed = false;
  script->closed = [&](CloseReason) {
    closed = true;
    f.shard.stop();
  };
  const int end = f.connect(std::move(script), [](int descriptor) {
    return std::make_unique<BoundedSteps>(descriptor, 20);
  });
  Fixture::write(end, all);
  f.port->connections.linger_timeout = 10ms;
  Alarm give_up([&] { f.shard.stop(); });
  f.shard.schedule_in(give_up.timer, 20s);
  const auto give_up_at = f.shard.now() + 20s;
  f.shard.run();
  CHECK_MESSAGE(f.shard.now() < give_up_at, "by itself");
  CHECK(closed);
  CHECK(taken == all);
  CHECK(Fixture::read_all(end) == answer);
  CHECK(most <= 3);
  CHECK(before <= 9);
}
