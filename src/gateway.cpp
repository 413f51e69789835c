#include "gateway.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <functional>
#include <iterator>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "binding/context.h"
#include "bus/home.h"
#include "bus/node.h"
#include "gateway_dialects.h"
#include "gateway_routes.h"
#include "gateway_runner.h"
#include "gateway_settings.h"
#include "gateway_shard.h"
#include "net/tls_context.h"
#include "net/watchdog.h"
#include "ops/ice_servers.h"
#include "ops/log.h"
#include "server/refusal_log.h"
#include "server/static_pages.h"
#include "session/key.h"
#include "web/embedded.h"

namespace sigway {
namespace {

using std::chrono::milliseconds;

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

/// The number of the next handled signal, or 0 when none has come in that time.
int wait_for_signal(milliseconds longest) {
  const auto set = handled_signals();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(longest);
  const timespec timeout{seconds.count(), std::chrono::nanoseconds(longest - seconds).count()};
  const int number = sigtimedwait(&set, nullptr, &timeout);
  return number < 0 ? 0 : number;
}

unsigned shard_count(const ops::Config& config) {
  return config.shards != 0 ? config.shards : std::max(1U, std::thread::hardware_concurrency());
}

/// The error, with what to do where another port would help.
std::string with_advice(std::string error, bool is_main, std::uint16_t port) {
  if (!error.ends_with(std::generic_category().message(EADDRINUSE) + ".")) return error;
  if (!is_main) return error + " Choose another one for --listen.";
  const int next = port < 65535 ? port + 1 : 8080;
  return error + " Is sigway running already? Else choose another port: sigway --port " +
         std::to_string(next) + " (0 takes any that is free).";
}

std::vector<server::PageFile> embedded_pages() {
  std::vector<server::PageFile> pages;
  for (const auto& file : web::files())
    pages.push_back({file.path, file.content_type, file.bytes, file.etag});
  return pages;
}

}  // namespace

// In the order in which they need each other: destroyed from the bottom up, after the threads have
// ended.
struct Gateway::Parts {
  explicit Parts(ops::Config with)
      : config(std::move(with)),
        shared(settings_for::sessions(config), config.memory_budget,
               config.max_sessions_per_address),
        exchange(shared, settings_for::mailboxes(config)),
        ice_servers(config),
        server_info{session::make_token(9),
                    [this](const std::string& peer) {
                      return ice_servers.json_for(peer, std::time(nullptr));
                    },
                    config.max_body},
        context{shared, server_info, &bus::home_of},
        pages(embedded_pages()) {}

  std::optional<std::string> set_up_pages();
  std::optional<std::string> load_tls();
  void run_shards();
  void stop_shards();
  void drain(milliseconds spread);
  /// False: a second signal came.
  bool wait_until(const std::function<bool()>& done, milliseconds longest) const;

  const ops::Config config;
  session::Shared shared;
  bus::Exchange exchange;
  ops::IceServers ice_servers;
  binding::ServerInfo server_info;
  binding::Context context;
  std::vector<server::PageFile> pages;
  std::shared_ptr<const server::StaticPages> static_pages;
  net::Shards shards;
  std::vector<std::unique_ptr<ShardParts<ShardRunner>>> parts;
  std::shared_ptr<net::TlsContext> tls;
  DialectOptions dialects;
  std::unique_ptr<server::HttpServer> http;
  std::unique_ptr<net::Watchdog> watchdog;
  std::vector<std::thread> threads;
};

std::optional<std::string> Gateway::Parts::set_up_pages() {
  if (config.web_root.empty()) {
    static_pages = std::make_shared<server::StaticPages>(pages);
    return std::nullopt;
  }
  std::vector<server::PageFile> client;
  std::copy_if(pages.begin(), pages.end(), std::back_inserter(client),
               [](const server::PageFile& file) { return file.path.starts_with("client/"); });
  auto opened = server::StaticPages::open_folder(config.web_root, client, shared.memory);
  if (auto* error = std::get_if<std::string>(&opened)) return std::move(*error);
  static_pages = std::get<std::shared_ptr<const server::StaticPages>>(std::move(opened));
  return std::nullopt;
}

std::optional<std::string> Gateway::Parts::load_tls() {
  if (!config.tls_cert.empty() || !config.tls_key.empty()) {
    if (config.tls_cert.empty() || config.tls_key.empty())
      return "--tls-cert and --tls-key belong together.";
    if (!tls) tls = std::make_shared<net::TlsContext>();
    return tls->load_files(config.tls_cert, config.tls_key);
  }
  if (!config.tls_self_signed) return std::nullopt;
  const auto certificate = net::make_self_signed(settings_for::addresses(config));
  if (!certificate) return "No self-signed certificate could be made.";
  if (!tls) tls = std::make_shared<net::TlsContext>();
  return tls->load(*certificate);
}

void Gateway::Parts::run_shards() {
  for (const auto& shard : shards) {
    threads.emplace_back([&shard = *shard] { shard.run(); });
  }
}

void Gateway::Parts::stop_shards() {
  for (const auto& shard : shards) shard->stop();
  for (auto& thread : threads) thread.join();
  threads.clear();
}

void Gateway::Parts::drain(milliseconds spread) {
  ops::log_info("draining for {} ms", spread.count());
  context.draining = true;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    auto& hub = parts[i]->hub;
    shards[i]->post([&hub, spread] { hub.drain(spread); });
  }
  // Connections are still accepted: by some the clients bring what they have to acknowledge, and
  // fetch what waits for them.
  const auto patience =
      std::min(spread, std::chrono::duration_cast<milliseconds>(session::kDrainPatience));
  const auto all_told = [&] {
    return std::all_of(parts.begin(), parts.end(),
                       [](const auto& shard) { return shard->hub.drained(); });
  };
  // However short the drain is, everybody is told.
  constexpr milliseconds kLeast{1000};
  if (!wait_until(all_told, std::max(spread + patience, kLeast))) return;
  // The last may still have to hear what has become of their messages, and not of those who are
  // away. Each waits for two more turns at the most.
  const auto all_present_told = [&] {
    return std::all_of(parts.begin(), parts.end(),
                       [](const auto& shard) { return shard->hub.drained_of_present(); });
  };
  if (!wait_until(all_present_told, std::max(2 * patience, kLeast))) return;
  http->drain();
  // Until every connection is gone, or a little longer than it should take.
  constexpr milliseconds kGrace{2000};
  wait_until([&] { return http->connection_count() == 0; }, kGrace);
}

bool Gateway::Parts::wait_until(const std::function<bool()>& done, milliseconds longest) const {
  constexpr milliseconds kStep{50};
  const auto until = base::Clock::now() + longest;
  while (base::Clock::now() < until && !done()) {
    if (const int number = wait_for_signal(kStep); number == SIGTERM || number == SIGINT)
      return false;
    watchdog->look(base::Clock::now());
  }
  return true;
}

Gateway::Gateway(ops::Config config) : parts_(std::make_unique<Parts>(std::move(config))) {}

Gateway::~Gateway() {
  if (parts_) parts_->stop_shards();
}

std::optional<std::string> Gateway::start() {
  auto& parts = *parts_;
  const auto& config = parts.config;
  if (auto error = server::AccessPolicy::check_options(settings_for::access(config))) return error;
  if (auto error = parts.set_up_pages()) return error;
  if (auto error = parts.load_tls()) return error;

  // Before the first thread: all of them leave these signals to `run`.
  const auto signals = handled_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const auto count = shard_count(config);
  for (unsigned i = 0; i < count; ++i) {
    parts.shards.push_back(std::make_unique<net::Shard>(i, parts.shared.memory));
  }
  for (unsigned i = 0; i < count; ++i) {
    parts.parts.push_back(
        std::make_unique<ShardParts<ShardRunner>>(parts.shards, i, parts.shared, parts.exchange));
  }
  parts.dialects = settings_for::dialects(config);
  const auto policy = std::make_shared<server::AccessPolicy>(settings_for::access(config));
  auto connections = settings_for::connections(config, count);
  connections.exempt = [policy](const net::Address& address) {
    return policy->is_trusted_proxy(address);
  };
  const auto limits = std::make_shared<net::ConnectionLimits>(std::move(connections));
  auto router = std::make_shared<server::Router>();
  if (auto error = add_dialects(*router, parts.context, parts.dialects, config.dialects))
    return error;
  add_routes(*router, {parts.context, parts.static_pages, limits});
  if (config.max_probes != 0) {
    probe::add_routes(*router, std::make_shared<probe::Probe>(settings_for::probes(config),
                                                              parts.server_info.id, count));
  }
  auto http = settings_for::http(config);
  const auto refusals = std::make_shared<server::RefusalLog>(
      [](const std::string& line) { ops::log_warn("{}", line); });
  http.when_refused = [refusals](const auto& problem, const auto& client, base::TimePoint now) {
    refusals->refused(problem, client, now);
  };
  parts.http =
      std::make_unique<server::HttpServer>(parts.shards, std::move(http), router, policy, limits);
  if (auto error = settings_for::check_dialects(config, *router)) return error;
  auto ports = settings_for::listening(config);
  for (auto& port : ports) {
    port.tls = parts.tls;
    const bool is_main = &port == &ports.front();
    if (auto error = parts.http->listen(std::move(port)))
      return with_advice(*std::move(error), is_main, config.port);
  }
  parts.watchdog = std::make_unique<net::Watchdog>(
      parts.shards, [](const std::string& finding) { ops::log_warn("{}", finding); });
  parts.run_shards();
  ops::log_info("sigway {} shards, server id {}", count, parts.server_info.id);
  return std::nullopt;
}

std::vector<Gateway::Port> Gateway::ports() const {
  const std::string scheme = parts_->tls ? "https://" : "http://";
  std::vector<Port> all;
  for (std::size_t i = 0; i < parts_->http->port_count(); ++i) {
    const auto& port = parts_->http->port(i);
    all.push_back({scheme + port.local.to_string(), port.label});
  }
  return all;
}

int Gateway::run() {
  auto& parts = *parts_;
  for (;;) {
    const int number = wait_for_signal(std::chrono::seconds(1));
    parts.watchdog->look(base::Clock::now());
    if (number == SIGHUP) {
      if (const auto error = parts.load_tls()) {
        ops::log_error("the certificate was not reloaded, the old one stays: {}", *error);
      } else if (parts.tls) {
        ops::log_info("the certificate has been reloaded");
      }
    } else if (number == SIGTERM || number == SIGINT) {
      parts.drain(number == SIGTERM ? parts.config.drain_time : parts.config.drain_time / 10);
      break;
    }
  }
  parts.stop_shards();
  return 0;
}

}  // namespace sigway
