#pragma once

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bus/home.h"
#include "bus/node.h"
#include "gateway_routes.h"
#include "gateway_runner.h"
#include "gateway_settings.h"
#include "gateway_shard.h"
#include "native_binding/entry.h"
#include "net/tls_context.h"
#include "ops/config.h"
#include "session/hub.h"

namespace sigway::testing {

/// The runner of the gateway, but for the clock of the sessions, which a test turns by hand.
class TurnedRunner final : public session::Runner {
 public:
  TurnedRunner(const net::Shards& shards, base::ShardIndex index)
      : real_(shards, index), wheel_(now_) {}

  void serve(session::Hub& hub) { real_.serve(hub); }
  /// On the shard's thread.
  void advance(base::Duration by) {
    const auto until = now_ + by;
    while (now_ < until) wheel_.advance(now_ += std::chrono::milliseconds(500));
  }

  void run_on(base::ShardIndex shard, std::function<void()> task) override {
    real_.run_on(shard, std::move(task));
  }
  void request_flush() noexcept override { real_.request_flush(); }
  base::TimePoint now() const override { return now_; }
  base::TimerWheel& wheel() override { return wheel_; }
  base::MemoryLedger& ledger() override { return real_.ledger(); }

 private:
  ShardRunner real_;
  base::TimePoint now_ = base::Clock::now();
  base::TimerWheel wheel_;
};

/// The gateway in this process, put together as src/gateway.cpp does it, so that a test can count
/// what it holds.
class Server {
 public:
  Server(base::ShardIndex count, bool tls)
      : config_(make_config()),
        shared(settings_for::sessions(config_), config_.memory_budget,
               config_.max_sessions_per_address),
        exchange(shared, settings_for::mailboxes(config_)),
        info_{"server", [](const std::string&) { return std::string("[]"); }, config_.max_body},
        context_{shared, info_, [](std::string_view of, base::ShardIndex shards) {
                   return bus::home_of(of, shards);
                 }} {
    for (base::ShardIndex i = 0; i < count; ++i)
      shards_.push_back(std::make_unique<net::Shard>(i, shared.memory));
    for (base::ShardIndex i = 0; i < count; ++i)
      parts_.push_back(std::make_unique<Part>(shards_, i, shared, exchange));
    limits = std::make_shared<net::ConnectionLimits>(settings_for::connections(config_, count));
    auto router = std::make_shared<server::Router>();
    (void)add_dialects(*router, context_, dialects_, {});
    add_routes(*router, {context_, nullptr, limits});
    http_ = std::make_unique<server::HttpServer>(
        shards_, settings_for::http(config_), router,
        std::make_shared<server::AccessPolicy>(settings_for::access(config_)), limits);
    auto listening = settings_for::listening(config_).front();
    if (tls) {
      auto context = std::make_shared<net::TlsContext>();
      if (const auto certificate = net::make_self_signed({})) (void)context->load(*certificate);
      listening.tls = context;
    }
    if (auto error = http_->listen(std::move(listening))) throw std::runtime_error(*error);
    for (const auto& shard : shards_) threads_.emplace_back([&shard = *shard] { shard.run(); });
  }

  ~Server() {
    for (const auto& shard : shards_) shard->stop();
    for (auto& thread : threads_) thread.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return http_->port().local.port(); }

  /// Until every shard has run what it had to do when this was called, and what followed from it on
  /// another shard.
  void settle() {
    for (std::size_t round = 0; round < 2 * shards_.size() + 1; ++round) each([](auto&) {});
  }
  /// Time passes for all sessions, rooms and names.
  void advance(base::Duration by) {
    each([by](auto& part) { part.runner.advance(by); });
    settle();
  }

  std::size_t rooms() {
    return sum([](auto& part) { return part.node.rooms().size(); });
  }
  std::size_t names() {
    return sum([](auto& part) { return part.node.names().size(); });
  }
  std::size_t sessions() {
    return sum([](auto& part) { return part.hub.size(); });
  }

 private:
  using Part = ShardParts<TurnedRunner>;

  static ops::Config make_config() {
    auto config = ops::default_config();
    config.bind = "127.0.0.1";
    config.port = 0;
    config.join_rate = 0;
    config.max_sessions_per_address = 1000;
    config.max_connections_per_address = 1000;
    // A place whose connection is gone must be given back because that was noticed, not because
    // nobody answers.
    config.ping_interval = std::chrono::hours(24);
    config.resume_window = std::chrono::seconds(20);
    config.suspend_after = std::chrono::seconds(10);
    config.ack_deadline = std::chrono::seconds(15);
    config.mailbox_lifetime = std::chrono::seconds(20);
    return config;
  }

  template <typename Action>
  void each(Action action) {
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      std::promise<void> done;
      shards_[i]->post([&, &part = *parts_[i]] {
        action(part);
        done.set_value();
      });
      done.get_future().get();
    }
  }
  template <typename Action>
  std::size_t sum(Action action) {
    std::size_t all = 0;
    each([&](auto& part) { all += action(part); });
    return all;
  }

  const ops::Config config_;

 public:
  session::Shared shared;
  bus::Exchange exchange;
  std::shared_ptr<net::ConnectionLimits> limits;

 private:
  binding::ServerInfo info_;
  binding::Context context_;
  net::Shards shards_;
  std::vector<std::unique_ptr<Part>> parts_;
  DialectOptions dialects_;
  std::unique_ptr<server::HttpServer> http_;
  std::vector<std::thread> threads_;
};

}  // namespace sigway::testing
