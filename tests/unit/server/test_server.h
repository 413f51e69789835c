#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "net/tls_context.h"
#include "server/http_server.h"

// A whole server on 127.0.0.1 and a free port, with its shards' threads, for tests from outside.
namespace sigway::server::testing {

struct Plain {
  static constexpr bool kTls = false;
};
struct Tls {
  static constexpr bool kTls = true;
};

inline std::shared_ptr<net::TlsContext> self_signed_context() {
  auto context = std::make_shared<net::TlsContext>();
  const auto certificate = net::make_self_signed({});
  REQUIRE(certificate.has_value());
  REQUIRE_FALSE(context->load(*certificate).has_value());
  return context;
}

// Asks until it is so, for a shard takes its turns when it likes.
template <class Condition>
bool becomes(Condition condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

struct ServerSetup {
  HttpOptions http;
  AccessOptions access;
  net::ConnectionLimits::Options limits;
  net::ConnectionOptions connections;
  std::size_t shards = 1;
  std::string address = "127.0.0.1";
  std::string label;
  std::vector<net::ListenOptions> further;  // beside the first port; on a port that is free
  std::shared_ptr<const StaticPages> pages;
};

class TestServer {
 public:
  // `add_routes` may keep the server: it is complete by the time that a route is called.
  using AddRoutes = std::function<void(Router&, TestServer&)>;

  TestServer(bool tls, const AddRoutes& add_routes, ServerSetup setup = {}) {
    for (std::size_t i = 0; i < setup.shards; ++i) {
      shards_.push_back(std::make_unique<net::Shard>(static_cast<base::ShardIndex>(i), budget_));
    }
    auto router = std::make_shared<Router>();
    if (add_routes) add_routes(*router, *this);
    router->set_pages(setup.pages);
    limits_ = std::make_shared<net::ConnectionLimits>(setup.limits);
    http_ = std::make_unique<HttpServer>(shards_, setup.http, router,
                                         std::make_shared<AccessPolicy>(setup.access), limits_);
    net::ListenOptions options;
    options.address = setup.address;
    options.port = 0;
    options.label = setup.label;
    options.connections = setup.connections;
    if (tls) options.tls = tls_ = self_signed_context();
    setup.further.insert(setup.further.begin(), options);
    for (auto& port : setup.further) {
      port.port = 0;
      port.connections = setup.connections;
      port.tls = tls_;
      const auto error = http_->listen(port);
      REQUIRE_MESSAGE(!error.has_value(), error.value_or(""));
    }
    for (const auto& shard : shards_) threads_.emplace_back([&shard = *shard] { shard.run(); });
  }

  ~TestServer() {
    for (const auto& shard : shards_) shard->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  std::uint16_t port(std::size_t index = 0) const { return http_->port(index).local.port(); }
  HttpServer& http() { return *http_; }
  net::Shards& shards() { return shards_; }
  base::MemoryBudget& budget() { return budget_; }
  net::TlsContext& tls() { return *tls_; }
  // How many are open now.
  std::size_t connections() const { return limits_->total(); }

  // Runs on a shard and returns what it returned.
  template <class Function>
  auto on_shard(std::size_t index, Function function) {
    auto task = std::make_shared<std::packaged_task<decltype(function())()>>(std::move(function));
    auto result = task->get_future();
    shards_[index]->post([task] { (*task)(); });
    return result.get();
  }

 private:
  base::MemoryBudget budget_{1U << 30U};
  net::Shards shards_;
  std::shared_ptr<net::ConnectionLimits> limits_;
  std::unique_ptr<HttpServer> http_;
  std::shared_ptr<net::TlsContext> tls_;
  std::vector<std::thread> threads_;
};

// A value that another thread will bring.
template <class T>
class Awaited {
 public:
  void set(T value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  // The next value, in the order of setting.
  T get() {
    std::unique_lock lock(mutex_);
    REQUIRE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return next_ < values_.size(); }));
    return values_[next_++];
  }
  std::size_t count() {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
  std::size_t next_ = 0;
};

}  // namespace sigway::server::testing
