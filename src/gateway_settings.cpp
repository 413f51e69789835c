#include "gateway_settings.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <limits>

namespace sigway::settings_for {

session::Settings sessions(const ops::Config& config) {
  session::Settings settings;
  settings.ack_deadline = config.ack_deadline;
  settings.suspend_after = config.suspend_after;
  settings.resume_window = config.resume_window;
  settings.standby_timeout = config.standby_timeout;
  settings.probe_timeout = config.probe_timeout;
  settings.heartbeat = config.ping_interval;
  settings.poll_hold = config.poll_hold;
  settings.stream_max_age = config.stream_max_age;
  settings.stream_max_bytes = config.stream_max_bytes;
  settings.ended_key_memory = config.ended_key_memory;
  settings.outbox_limit = config.outbox_limit;
  settings.message_rate = config.message_rate;
  settings.message_burst = config.message_burst;
  settings.join_rate = config.join_rate;
  settings.join_burst = 20.0 * config.join_rate;
  settings.max_rooms = config.max_rooms_per_session;
  settings.max_room_capacity = static_cast<std::uint32_t>(config.max_room_capacity);
  return settings;
}

bus::MailboxSettings mailboxes(const ops::Config& config) {
  return {.lifetime = config.mailbox_lifetime,
          .messages = config.mailbox_messages,
          .bytes = config.mailbox_bytes,
          // Letters end nobody, so they must not be what exceeds the budget.
          .total_bytes = std::min(config.mailbox_total_bytes, config.memory_budget / 4),
          .per_sender = config.mailbox_per_sender,
          .per_address = config.mailbox_per_address};
}

server::AccessOptions access(const ops::Config& config) {
  return {.public_origins = config.public_origin,
          .allowed_origins = config.allow_origin,
          .allowed_hosts = config.allow_host,
          .trusted_proxies = config.trusted_proxy};
}

server::HttpOptions http(const ops::Config& config) {
  server::HttpOptions options;
  options.limits.max_head = config.max_head;
  options.limits.max_body = config.max_body;
  options.head_timeout = config.head_timeout;
  options.body_timeout = config.body_timeout;
  options.keep_alive = config.keep_alive;
  return options;
}

std::vector<std::string> own_addresses() {
  std::vector<std::string> addresses;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return addresses;
  for (const auto* each = first; each != nullptr; each = each->ifa_next) {
    const bool is_listed = each->ifa_addr != nullptr && each->ifa_addr->sa_family == AF_INET &&
                           (each->ifa_flags & IFF_LOOPBACK) == 0;
    if (!is_listed) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto& address = *reinterpret_cast<const sockaddr_in*>(each->ifa_addr);
    if (::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size()) != nullptr)
      addresses.emplace_back(text.data());
  }
  ::freeifaddrs(first);
  return addresses;
}

DialectOptions dialects(const ops::Config& config) {
  const base::RateLimit noise{static_cast<double>(config.message_rate),
                              static_cast<double>(config.message_burst)};
  return {.native = {.websocket = {.connection = {.max_message = config.max_body, .noise = noise},
                                   .attach_timeout = config.attach_timeout},
                     .sse = {.retry = config.sse_retry}},
          .plain = {.noise = noise, .retry = config.sse_retry},
          .socketio = {.poll_hold = config.poll_hold,
                       .max_payload = config.max_body,
                       .websocket = {.max_message = config.max_body, .noise = noise},
                       .addresses = own_addresses()},
          .peerjs = {.path = config.peerjs_path == "/" ? "" : config.peerjs_path,
                     .key = config.peerjs_key,
                     .lists_peers = config.peerjs_discovery,
                     .websocket = {.max_message = dialects::peerjs::kMaxMessage, .noise = noise}},
          .apprtc = {.websocket = {.max_message = config.max_body, .noise = noise},
                     .register_timeout = config.attach_timeout + config.probe_timeout}};
}

probe::Options probes(const ops::Config& config) {
  // One probe must be possible, unless the rate is so small that it would take a day.
  constexpr std::size_t kDay = 24 * 60 * 60;
  const std::size_t rate =
      std::min(config.probe_bytes_rate, std::numeric_limits<std::size_t>::max() / kDay);
  const std::size_t burst = std::min(std::max(10 * rate, config.probe_bytes), kDay * rate);
  return {.bounds = {.time = config.probe_time, .bytes = config.probe_bytes},
          .limits = {.total = config.max_probes,
                     .per_address = config.max_probes_per_address,
                     .rate = config.probe_rate,
                     .burst = 10 * config.probe_rate,
                     .bytes_rate = rate,
                     .bytes_burst = burst}};
}

std::vector<net::ListenOptions> listening(const ops::Config& config) {
  net::ListenOptions options;
  options.address = config.bind;
  options.port = config.port;
  options.connections.handshake_timeout = config.head_timeout;
  options.connections.write_timeout = config.write_timeout;
  options.connections.output_limit = config.output_limit;
  // Bytes that nobody acknowledges for two heartbeats: the peer is gone, whatever the network
  // pretends.
  options.connections.user_timeout = 2 * config.ping_interval;
  std::vector<net::ListenOptions> all{options};
  for (const auto& further : config.listen) {
    options.address = further.address.empty() ? config.bind : further.address;
    options.port = further.port;
    options.label = further.dialect;
    all.push_back(options);
  }
  return all;
}

std::optional<std::string> check_dialects(const ops::Config& config, const server::Router& router) {
  for (const auto& port : config.listen) {
    if (const auto problem = router.dialect_problem(port.dialect)) {
      return "--listen " + ops::to_string(port) + ": " + *problem;
    }
  }
  return std::nullopt;
}

std::vector<std::string> addresses(const ops::Config& config) {
  std::vector<std::string> all;
  for (const auto& port : listening(config)) all.push_back(port.address);
  return all;
}

net::ConnectionLimits::Options connections(const ops::Config& config, std::size_t shards) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  constexpr std::size_t kReserve = 128;
  // A shard holds five for itself, and the process five; more for files that come and go.
  constexpr std::size_t kOfProcess = 16, kOfShard = 6;
  auto descriptors = static_cast<std::size_t>(limit.rlim_cur);
  descriptors -= std::min(descriptors / 2, kOfProcess + kOfShard * shards);
  net::ConnectionLimits::Options options;
  options.total = config.max_connections;
  if (options.total == 0) {
    options.total = descriptors > 2 * kReserve ? descriptors - kReserve : descriptors / 2;
  }
  // Of what is left, half: pages are files, too, and closed connections last to the turn's end.
  if (options.total < descriptors) {
    options.refusals = std::min(kReserve, (descriptors - options.total) / 2);
  }
  // A company behind one address is no attack, but it leaves half of the places to all others.
  options.per_address = config.max_connections_per_address;
  if (options.per_address == 0) options.per_address = std::max<std::size_t>(1, options.total / 2);
  options.address_refusals = std::max<std::size_t>(1, options.refusals / 2);
  return options;
}

}  // namespace sigway::settings_for
