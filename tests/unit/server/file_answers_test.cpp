// Files of --web-root on their way to clients: in slices, a few in a turn, one at a time of each
// answer.
#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "raw_client.h"
#include "server/static_pages.h"
#include "test_folder.h"
#include "test_server.h"

using namespace sigway;
using namespace sigway::server;
using namespace sigway::server::testing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kSlice = Folder::kSliceBytes;
constexpr std::size_t kLarge = 12 << 20;  // more than the kernel takes from a server in advance

std::string file_request(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
}

// No two slices are equal.
std::string numbered(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) {
    text += std::to_string(i);
    text.append(1000, ',');
  }
  text.resize(size);
  return text;
}

// A folder, and a server of one shard that serves it.
struct Served {
  TestFolder folder;
  base::MemoryBudget pages_budget{1U << 30U};
  // Called on the shard before each read, with the number of bytes that are asked for.
  std::function<void(std::size_t)> before_read = [](std::size_t) {};
  std::unique_ptr<TestServer> server;

  explicit Served(bool tls, ServerSetup setup = {}) {
    auto opened =
        StaticPages::open_folder(folder.path, {}, pages_budget,
                                 [this](int descriptor, void* into, std::size_t size, off_t at) {
                                   before_read(size);
                                   return ::pread(descriptor, into, size, at);
                                 });
    setup.pages = std::get<0>(std::move(opened));
    server = std::make_unique<TestServer>(tls, nullptr, std::move(setup));
  }
  std::uint16_t port() const { return server->port(); }
  base::MemoryBudget& budget() const { return server->budget(); }
};

}  // namespace

TEST_CASE_TEMPLATE("files come whole, also pipelined, small ones and large ones", T, Plain, Tls) {
  Served served(T::kTls);
  const std::vector<std::size_t> sizes = {0, 1, kSlice - 1, kSlice, kSlice + 1, 50 * kSlice + 7};
  std::string requests;
  for (const std::size_t size : sizes) {
    served.folder.write(std::to_string(size) + ".txt", numbered(size));
    requests += file_request("/" + std::to_string(size) + ".txt");
  }
  RawClient client(served.port(), T::kTls);
  // In the middle: answers that have no body, or another one.
  client.send(requests + "HEAD /65536.txt HTTP/1.1\r\nHost: localhost\r\n\r\n" +
              file_request("/not/here.txt") + requests + file_request("/1.txt"));
  for (int round = 0; round < 2; ++round) {
    for (const std::size_t size : sizes) {
      CAPTURE(size);
      const Answer answer = client.receive_answer();
      CHECK(answer.status == 200);
      CHECK(answer.header("content-length") == std::to_string(size));
      REQUIRE(answer.body == numbered(size));
    }
    if (round > 0) continue;
    CHECK(client.receive_answer(true).header("content-length") == "65536");
    CHECK(client.receive_answer().status == 404);
  }
  CHECK(client.receive_answer().body == "0");
  CHECK(becomes([&] { return served.budget().used() == 0; }));
}

TEST_CASE_TEMPLATE("a turn reads a few slices, however large the files and however many ask", T,
                   Plain, Tls) {
  Served served(T::kTls);
  const std::string text = numbered(1 << 20);
  std::size_t in_turn = 0;
  std::size_t most_in_turn = 0;
  std::size_t most_at_once = 0;
  served.before_read = [&](std::size_t size) {
    if (in_turn == 0) {
      served.server->shards()[0]->at_end_of_turn(
          [&] { most_in_turn = std::max(most_in_turn, std::exchange(in_turn, 0)); });
    }
    in_turn += size;
    most_at_once = std::max(most_at_once, size);
  };
  constexpr int kClients = 12;
  std::vector<std::thread> threads;
  std::atomic<int> complete = 0;
  for (int i = 0; i < kClients; ++i) {
    served.folder.write(std::to_string(i) + ".txt", text);
    threads.emplace_back([&, i] {
      RawClient client(served.port(), T::kTls);
      client.send(file_request("/" + std::to_string(i) + ".txt") + file_request("/0.txt"));
      for (int answer = 0; answer < 2; ++answer) {
        if (client.receive_answer().body == text) ++complete;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  served.server->on_shard(0, [] { return 0; });
  CHECK(complete == 2 * kClients);
  CHECK(most_at_once == kSlice);
  CHECK(most_in_turn >= kSlice);
  CHECK(most_in_turn <= 4 * kSlice);
}

TEST_CASE_TEMPLATE("an answer that nobody reads holds one slice, which is counted", T, Plain, Tls) {
  Served served(T::kTls);
  const std::string text = numbered(kLarge);
  served.folder.write("big.txt", text);
  std::size_t read = 0;
  served.before_read = [&](std::size_t size) { read += size; };
  auto& budget = served.budget();
  constexpr std::size_t kClients = 4;
  std::vector<std::unique_ptr<RawClient>> deaf;
  for (std::size_t i = 0; i < kClients; ++i) {
    deaf.push_back(std::make_unique<RawClient>(served.port(), T::kTls));
    deaf.back()->send(file_request("/big.txt"));
  }
  CHECK(becomes([&] { return budget.used(base::MemoryPart::file) == kClients * kSlice; }));
  CHECK(budget.used(base::MemoryPart::output) < kClients * 4096);
  const Answer late = deaf.front()->receive_answer();
  CHECK(late.body == text);
  deaf.clear();
  CHECK(becomes([&] { return budget.used() == 0; }));
  CHECK(served.server->on_shard(0, [&] { return read; }) < kClients * text.size());
}

TEST_CASE("over the budget the answers that nobody reads are ended, and another's bytes stay") {
  Served served(false);
  served.folder.write("big.txt", numbered(kLarge));
  auto& budget = served.budget();
  RawClient deaf(served.port());
  deaf.send(file_request("/big.txt"));
  CHECK(becomes([&] { return budget.used(base::MemoryPart::file) == kSlice; }));
  RawClient half(served.port());
  half.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345");
  CHECK(becomes([&] { return served.server->connections() == 2; }));
  budget.charge(base::MemoryPart::outbox, 1U << 30U);
  half.send("6");  // any turn of the loop
  // Not until nothing of the file is held: so it is also between two slices.
  CHECK(becomes([&] { return served.server->connections() == 1; }));
  budget.release(base::MemoryPart::outbox, 1U << 30U);
  CHECK_FALSE(deaf.receive_answer().is_complete);
  half.send("7890");
  CHECK(half.receive_answer().status == 404);
}

TEST_CASE_TEMPLATE("a file that changes while it is sent ends the connection, short of its length",
                   T, Plain, Tls) {
  Served served(T::kTls);
  const std::string text = numbered(kLarge);
  const auto path = served.folder.path / "big.txt";
  const std::vector<std::pair<const char*, std::function<void()>>> changes = {
      {"shorter", [&] { std::filesystem::resize_file(path, 100); }},
      {"longer", [&] { std::filesystem::resize_file(path, 2 * kLarge); }},
      {"other bytes", [&] { served.folder.write("big.txt", std::string(kLarge, 'x')); }},
      {"removed", [&] { std::filesystem::remove(path); }},
  };
  for (const auto& [what, change] : changes) {
    const auto& name = what;  // clang 14 lets no lambda capture a structured binding
    CAPTURE(name);
    served.folder.write("big.txt", text);
    RawClient client(served.port(), T::kTls);
    client.send(file_request("/big.txt") + file_request("/big.txt"));
    CHECK(client.receive_until("\r\n\r\n").value_or("").find("\r\nContent-Length: 12582912\r\n") !=
          std::string::npos);
    CHECK(becomes([&] { return served.budget().used(base::MemoryPart::file) == kSlice; }));
    change();
    const std::string body = client.receive_all();
    CHECK(body.size() < text.size());
    CHECK(text.starts_with(body));
    CHECK_FALSE(client.was_reset());
    CHECK(becomes([&] { return served.budget().used() == 0; }));
  }
}

TEST_CASE("a file that cannot be read is an error while nothing of it has been sent") {
  Served served(false);
  served.folder.write("a.txt", "text");
  served.before_read = [&](std::size_t) { std::filesystem::remove(served.folder.path / "a.txt"); };
  RawClient client(served.port());
  client.send(file_request("/a.txt") + file_request("/a.txt"));
  const Answer failed = client.receive_answer();
  CHECK(failed.status == 500);
  CHECK(failed.body.find("internal_error") != std::string::npos);
  CHECK_MESSAGE(client.receive_answer().status == 404, "the connection goes on");
}

TEST_CASE_TEMPLATE("a client that has finished sending gets its file, then the end", T, Plain,
                   Tls) {
  Served served(T::kTls);
  const std::string text = numbered(10 * kSlice);
  served.folder.write("a.txt", text);
  for (const char* extra : {"", "Connection: close\r\n"}) {
    RawClient client(served.port(), T::kTls);
    client.send("GET /a.txt HTTP/1.1\r\nHost: localhost\r\n" + std::string(extra) + "\r\n");
    client.finish_writing();
    CHECK(client.receive_answer().body == text);
    CHECK(client.is_closed_by_server());
  }
}

TEST_CASE_TEMPLATE("clients that leave in the middle of a file leave nothing behind", T, Plain,
                   Tls) {
  Served served(T::kTls);
  served.folder.write("big.txt", numbered(kLarge));
  for (int i = 0; i < 8; ++i) {
    RawClient client(served.port(), T::kTls);
    client.send(file_request("/big.txt"));
    if (i % 3 > 0) client.receive_exactly(static_cast<std::size_t>(i) * kSlice);
    if (i % 2 == 0) client.reset();
  }
  CHECK(becomes([&] { return served.budget().used() == 0; }));
}
