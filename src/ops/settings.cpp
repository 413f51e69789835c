#include "ops/settings.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <limits>
#include <utility>

#include "ops/parse_value.h"

namespace sigway::ops {
namespace {

using std::chrono::milliseconds;

// --- Kinds of fields: each reads one notation and says what it allows ---------------------------

template <typename Number>
Field number(Number Config::*member, std::uint64_t least = 0,
             std::uint64_t most = std::numeric_limits<std::uint32_t>::max()) {
  return {SettingShape::value, "NUMBER",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            const auto value = parse_number(values.front());
            if (!value || *value < least || *value > most) {
              return fmt::format("a number from {} to {}", least, most);
            }
            config.*member = static_cast<Number>(*value);
            return std::nullopt;
          }};
}

Field size(std::size_t Config::*member, std::uint64_t least = 0) {
  return {SettingShape::value, "SIZE",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            const auto value = parse_size(values.front());
            if (!value || *value < least) {
              return fmt::format("a size of at least {} bytes, like 64KiB, 4MiB or 1GiB", least);
            }
            config.*member = *value;
            return std::nullopt;
          }};
}

Field duration(milliseconds Config::*member, milliseconds least = milliseconds{1}) {
  return {SettingShape::value, "TIME",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            // Deadlines are sums of a time and a setting; a year leaves them far from overflow.
            constexpr milliseconds kMost = std::chrono::hours{24 * 365};
            const auto value = parse_duration(values.front());
            if (!value || *value < least || *value > kMost) {
              return fmt::format("a time from {}ms to 8760h, like 25s, 500ms or 2m", least.count());
            }
            config.*member = *value;
            return std::nullopt;
          }};
}

Field flag(bool Config::*member) {
  return {SettingShape::flag, "",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            const auto value = parse_flag(values.front());
            if (!value) return "yes or no";
            config.*member = *value;
            return std::nullopt;
          }};
}

using Check = bool (*)(std::string_view);

bool is_anything(std::string_view) { return true; }
bool is_allowed_origin(std::string_view text) {
  return text == "*" || text == "null" || is_page_origin(text);
}
bool is_folder(std::string_view text) {
  std::error_code error;
  return text.empty() || std::filesystem::is_directory(text, error);
}

Field text(std::string Config::*member, std::string_view placeholder, Check check = is_anything,
           std::string_view allowed = "") {
  return {SettingShape::value, placeholder,
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            if (!check(values.front())) return std::string{allowed};
            config.*member = values.front();
            return std::nullopt;
          }};
}

Field list(std::vector<std::string> Config::*member, std::string_view placeholder, Check check,
           std::string_view allowed) {
  return {SettingShape::list, placeholder,
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            if (!std::all_of(values.begin(), values.end(), check)) return std::string{allowed};
            config.*member = {values.begin(), values.end()};
            return std::nullopt;
          }};
}

Field ice_servers(std::vector<std::string> Config::*member) {
  return {SettingShape::list, "SERVER",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            for (const auto& value : values) {
              if (auto problem = ice_server_problem(value)) return problem;
            }
            config.*member = {values.begin(), values.end()};
            return std::nullopt;
          }};
}

Field listen_ports(std::vector<ListenPort> Config::*member) {
  return {SettingShape::list, "[ADDR:]PORT[=DIALECT]",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            std::vector<ListenPort> ports;
            for (const auto& value : values) {
              auto parsed = parse_listen_port(value);
              if (auto* const problem = std::get_if<std::string>(&parsed)) {
                return std::move(*problem);
              }
              ports.push_back(std::get<ListenPort>(std::move(parsed)));
            }
            config.*member = std::move(ports);
            return std::nullopt;
          }};
}

Field level(LogLevel Config::*member) {
  return {SettingShape::value, "LEVEL",
          [=](Config& config, std::span<const std::string> values) -> std::optional<std::string> {
            static constexpr std::pair<std::string_view, LogLevel> kLevels[] = {
                {"trace", LogLevel::trace}, {"debug", LogLevel::debug}, {"info", LogLevel::info},
                {"warn", LogLevel::warn},   {"error", LogLevel::error}, {"off", LogLevel::off}};
            for (const auto& [name, value] : kLevels) {
              if (name != values.front()) continue;
              config.*member = value;
              return std::nullopt;
            }
            return "trace, debug, info, warn, error or off";
          }};
}

constexpr std::string_view kOriginAllowed =
    "an origin like https://app.example.org, without a path";
constexpr std::string_view kOriginOrNullAllowed =
    "an origin like https://app.example.org or capacitor://localhost, without a path, or file://, "
    "or null, or *";
constexpr std::string_view kHostAllowed = "a host with or without a port, like gateway.lan:8080";
constexpr std::string_view kRangeAllowed = "an address or range, like 10.0.0.0/8 or ::1";
constexpr std::string_view kAddressAllowed = "an IPv4 or IPv6 address, like 0.0.0.0 or ::1";

// --- The table: one row a setting ---------------------------------------------------------------
// clang-format off
std::vector<SettingGroup> make_groups() {
  using C = Config;
  constexpr milliseconds kOff{0};  // a time that may be zero
  return {
    {"Listening", {
      {"bind", "127.0.0.1", "Address to listen on; 0.0.0.0 or :: for every interface", text(&C::bind, "ADDRESS", is_address, kAddressAllowed)},
      {"port", "8080", "TCP port; 0 picks a free one", number(&C::port, 0, 65535)},
      {"listen", "", "Further port, on the address of --bind if it names none: 1337, 0.0.0.0:1337 or [::1]:1337; DIALECT is the client protocol that answers at / there", listen_ports(&C::listen)},
      {"dialects", "", "Client protocol to speak, all if none is named: native, raw, login, rtcmulti, socketio, channel, peerjs, y-webrtc, apprtc, libdatachannel, matchbox; the paths of the others answer 404", list(&C::dialects, "DIALECT", is_dialect_name, "a name of lower case letters, digits and hyphens, like raw")},
      {"shards", "0", "Event loops, one thread each; 0 means one a processor core", number(&C::shards, 0, 1024)},
      {"tls-cert", "", "Certificate chain (PEM), with --tls-key; read again on SIGHUP", text(&C::tls_cert, "FILE")},
      {"tls-key", "", "Private key (PEM), with --tls-cert; read again on SIGHUP", text(&C::tls_key, "FILE")},
      {"tls-self-signed", "no", "Serve TLS with a certificate made at start, for a try on a LAN", flag(&C::tls_self_signed)},
      {"web-root", "", "Serve the files of this folder instead of the embedded pages, with the client at /client/ beside them; dot files and dot folders are left out, except /.well-known/", text(&C::web_root, "FOLDER", is_folder, "an existing folder")},
      {"config", "", "Read settings from this file, one `name = value` a line", text(&C::config, "FILE")},
    }},
    {"Who may come in", {
      {"public-origin", "", "Origin under which a proxy shows this server; counts as same origin", list(&C::public_origin, "ORIGIN", is_origin, kOriginAllowed)},
      {"allow-origin", "", "Foreign origin whose pages may use this server, also an app's (capacitor://localhost, file://); null for sandboxed pages, * for any other", list(&C::allow_origin, "ORIGIN", is_allowed_origin, kOriginOrNullAllowed)},
      {"allow-host", "", "Host header to accept besides loopback names while bound to loopback", list(&C::allow_host, "HOST", is_host, kHostAllowed)},
      {"trusted-proxy", "", "Proxy whose X-Forwarded headers are believed", list(&C::trusted_proxy, "RANGE", is_address_range, kRangeAllowed)},
    }},
    {"HTTP", {
      {"max-head", "16KiB", "Largest request line and headers", size(&C::max_head, 256)},
      {"max-body", "256KiB", "Largest request body", size(&C::max_body, 1)},
      {"head-timeout", "10s", "Longest wait for a whole request head, and for a TLS handshake; who is silent for so long may have to make room", duration(&C::head_timeout)},
      {"body-timeout", "20s", "How long a request body may come at less than 50 bytes a second", duration(&C::body_timeout)},
      {"attach-timeout", "10s", "Longest wait for the first frame on a WebSocket", duration(&C::attach_timeout)},
      {"keep-alive", "75s", "How long an idle connection is kept for its next request", duration(&C::keep_alive)},
      {"write-timeout", "30s", "How long a client may read less than 50 bytes a second of what waits for it", duration(&C::write_timeout)},
      {"output-limit", "256KiB", "Bytes that wait for one client to read, before nothing more is read from it", size(&C::output_limit, 128 * 1024)},
    }},
    {"Limits", {
      {"max-connections", "0", "Open connections; 0 means the descriptor limit less a reserve", number(&C::max_connections)},
      {"max-connections-per-address", "0", "Open connections of one address, or IPv6 /64; 0 means half of --max-connections, and as many as that switch it off", number(&C::max_connections_per_address)},
      {"max-sessions-per-address", "10000", "Sessions of one address, or IPv6 /64; 0 means no limit", number(&C::max_sessions_per_address)},
      {"join-rate", "50", "Joins of rooms, and changes of names in them, a second of one address; twenty times that at once; 0 means no limit", number(&C::join_rate, 0, 100'000)},
      {"message-rate", "200", "Messages a second of one session; 0 means no limit", number(&C::message_rate)},
      {"message-burst", "400", "Messages of one session at once, before the rate holds", number(&C::message_burst, 1)},
    }},
    {"Probes (what /doctor asks)", {
      {"max-probes", "200", "Streams, holds and sockets of probes at once; 0 switches /v1/probe/ off", number(&C::max_probes)},
      {"max-probes-per-address", "24", "The same of one address; 0 means no limit", number(&C::max_probes_per_address)},
      {"probe-rate", "20", "Probe requests a second of one address, ten times that at once; 0 means no limit", number(&C::probe_rate, 0, 100'000)},
      {"probe-bytes-rate", "256KiB", "Bytes a second that streams of probes may send to one address, ten times that at once; 0 means no limit", size(&C::probe_bytes_rate)},
      {"probe-time", "40s", "How long one probe may last", duration(&C::probe_time)},
      {"probe-bytes", "1MiB", "What one probe may be sent", size(&C::probe_bytes, 1024)},
    }},
    {"Transports", {
      {"ping-interval", "25s", "Pause between heartbeats; a peer silent for two of them is dead", duration(&C::ping_interval)},
      {"poll-hold", "25s", "Longest time a poll is held", duration(&C::poll_hold)},
      {"stream-max-age", "10m", "An SSE stream ends after this time and is resumed; 0 means never", duration(&C::stream_max_age, kOff)},
      {"stream-max-bytes", "8MiB", "An SSE stream ends after this much and is resumed; 0 means never", size(&C::stream_max_bytes)},
      {"sse-retry", "1s", "How long an EventSource waits before it reconnects", duration(&C::sse_retry, kOff)},
    }},
    {"Sessions", {
      {"resume-window", "2m", "How long a session without a connection can be resumed", duration(&C::resume_window)},
      {"suspend-after", "10s", "Time without a connection after which peers see a session suspended", duration(&C::suspend_after)},
      {"standby-timeout", "10s", "How long a second connection may wait to be activated", duration(&C::standby_timeout)},
      {"ack-deadline", "15s", "A new session ends without an acknowledgement in this time", duration(&C::ack_deadline)},
      {"probe-timeout", "10s", "Silence after which a member that was probed loses its place; half of it at the least after the probe", duration(&C::probe_timeout)},
      {"ended-key-memory", "10m", "How long an ended session's key is remembered", duration(&C::ended_key_memory)},
      {"outbox-limit", "4MiB", "Unacknowledged bytes of one session", size(&C::outbox_limit, 64 * 1024)},
      {"memory-budget", "1GiB", "Everything held for clients: outboxes, mailboxes, partial messages, output", size(&C::memory_budget, 1024 * 1024)},
    }},
    {"Rooms, names and mailboxes", {
      {"max-room-capacity", "64", "Largest capacity that a room's creator may ask for", number(&C::max_room_capacity, 2)},
      {"max-rooms-per-session", "8", "Rooms one session may be in", number(&C::max_rooms_per_session, 1)},
      {"mailbox-lifetime", "60s", "How long a message waits for a name that is not there yet", duration(&C::mailbox_lifetime)},
      {"mailbox-messages", "64", "Messages waiting for one name", number(&C::mailbox_messages)},
      {"mailbox-bytes", "256KiB", "Bytes waiting for one name", size(&C::mailbox_bytes)},
      {"mailbox-total-bytes", "64MiB", "Bytes waiting for all names", size(&C::mailbox_total_bytes)},
      {"mailbox-per-sender", "256", "Messages of one sender that wait for names", number(&C::mailbox_per_sender)},
      {"mailbox-per-address", "4096", "Messages of one address that wait for names; they may fill a quarter of mailbox-total-bytes", number(&C::mailbox_per_address, 1)},
      {"ice-server", "", "STUN URL, or JSON object for iceServers, that clients are told to use", ice_servers(&C::ice_server)},
      {"turn-server", "", "TURN URL for which each client gets a credential made from turn-secret", list(&C::turn_server, "URL", is_turn_url, "a URL like turn:turn.example.org:3478?transport=udp")},
      {"turn-secret", "", "Secret shared with the TURN servers (coturn: static-auth-secret)", text(&C::turn_secret, "SECRET")},
      {"turn-lifetime", "12h", "How long a TURN credential is valid", duration(&C::turn_lifetime)},
    }},
    {"Client protocols", {
      {"peerjs-path", "/peerjs", "Path of the PeerJS server, as a page gives it in the option `path`; / for pages that give none", text(&C::peerjs_path, "PATH", is_url_path, "a path like /peerjs or /")},
      {"peerjs-key", "peerjs", "Key that PeerJS clients must give in the option `key`", text(&C::peerjs_key, "KEY", is_url_segment, "letters, digits, and - . _ ~")},
      {"peerjs-discovery", "no", "Tell everybody the ids of all PeerJS clients (peer.listAllPeers)", flag(&C::peerjs_discovery)},
    }},
    {"Operation", {
      {"drain-time", "10s", "After SIGTERM, clients are sent away spread over this time", duration(&C::drain_time, kOff)},
      {"log-level", "info", "What to log on standard error: trace, debug, info, warn, error or off", level(&C::log_level)},
    }},
  };
}
// clang-format on

}  // namespace

std::string Setting::environment_name() const {
  std::string result = "SIGWAY_";
  for (const char c : name) {
    result.push_back(c == '-' ? '_'
                              : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return result;
}

std::span<const SettingGroup> setting_groups() {
  static const auto kGroups = make_groups();
  return kGroups;
}

const Setting* find_setting(std::string_view name) {
  for (const auto& group : setting_groups()) {
    for (const auto& setting : group.settings) {
      if (setting.name == name) return &setting;
    }
  }
  return nullptr;
}

}  // namespace sigway::ops
