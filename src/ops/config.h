#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ops/listen_port.h"
#include "ops/log.h"

namespace sigway::ops {

// Every setting of the server, parsed and checked. A plain value: load_config() makes it once, and
// whoever needs it copies what it needs. The fields carry the names of the settings; what each one
// means and its default stand in ONE place, the table in settings.cpp, from which flag,
// environment variable, configuration file key and --help all come.
//
// Sizes are in bytes. Where zero means something special, the table's help text says what.
struct Config {
  // Listening
  std::string bind;
  std::uint16_t port = 0;
  std::vector<ListenPort> listen;     // beside `bind` and `port`
  std::vector<std::string> dialects;  // empty: all
  unsigned shards = 0;
  std::string tls_cert;
  std::string tls_key;
  bool tls_self_signed = false;
  std::string web_root;
  std::string config;

  // Who may come in
  std::vector<std::string> public_origin;
  std::vector<std::string> allow_origin;
  std::vector<std::string> allow_host;
  std::vector<std::string> trusted_proxy;

  // HTTP
  std::size_t max_head = 0;
  std::size_t max_body = 0;
  std::chrono::milliseconds head_timeout{};
  std::chrono::milliseconds body_timeout{};
  std::chrono::milliseconds attach_timeout{};
  std::chrono::milliseconds keep_alive{};
  std::chrono::milliseconds write_timeout{};
  std::size_t output_limit = 0;

  // Limits
  std::size_t max_connections = 0;
  std::size_t max_connections_per_address = 0;
  std::size_t max_sessions_per_address = 0;
  unsigned join_rate = 0;
  unsigned message_rate = 0;
  unsigned message_burst = 0;

  // Probes
  std::size_t max_probes = 0;
  std::size_t max_probes_per_address = 0;
  unsigned probe_rate = 0;
  std::size_t probe_bytes_rate = 0;
  std::chrono::milliseconds probe_time{};
  std::size_t probe_bytes = 0;

  // Transports
  std::chrono::milliseconds ping_interval{};
  std::chrono::milliseconds poll_hold{};
  std::chrono::milliseconds stream_max_age{};
  std::size_t stream_max_bytes = 0;
  std::chrono::milliseconds sse_retry{};

  // Sessions
  std::chrono::milliseconds resume_window{};
  std::chrono::milliseconds suspend_after{};
  std::chrono::milliseconds standby_timeout{};
  std::chrono::milliseconds ack_deadline{};
  std::chrono::milliseconds probe_timeout{};
  std::chrono::milliseconds ended_key_memory{};
  std::size_t outbox_limit = 0;
  std::size_t memory_budget = 0;

  // Rooms, names and mailboxes
  std::size_t max_room_capacity = 0;
  std::size_t max_rooms_per_session = 0;
  std::chrono::milliseconds mailbox_lifetime{};
  std::size_t mailbox_messages = 0;
  std::size_t mailbox_bytes = 0;
  std::size_t mailbox_total_bytes = 0;
  std::size_t mailbox_per_sender = 0;
  std::size_t mailbox_per_address = 0;
  // Each one a STUN URL or the text of a JSON object with the key "urls".
  std::vector<std::string> ice_server;
  std::vector<std::string> turn_server;
  std::string turn_secret;
  std::chrono::milliseconds turn_lifetime{};

  // Client protocols
  std::string peerjs_path;
  std::string peerjs_key;
  bool peerjs_discovery = false;

  // Operation
  std::chrono::milliseconds drain_time{};
  LogLevel log_level = LogLevel::info;

  bool operator==(const Config&) const = default;
};

// How --help calls the program, and what it says of the program's commands: a line each, indented
// by nine columns. No commands: it only serves. The texts outlive the call.
struct Program {
  std::string_view name;
  std::string_view commands;
};

// What the user asked to read instead of a running server (--help, --version).
struct ConfigText {
  std::string text;  // for standard output, with its last newline
};

// A sentence that names the setting, the value, and what is allowed.
struct ConfigError {
  std::string message;
};

// Looks an environment variable up. Production passes std::getenv, tests a table.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// Reads the settings. A flag counts before the environment, the environment before the file that
// --config or SIGWAY_CONFIG names, the file before the default; a list is taken whole from the
// first of them that has it. Throws nothing. `arguments` are without the program's name.
std::variant<Config, ConfigText, ConfigError> load_config(const std::vector<std::string>& arguments,
                                                          const Environment& environment,
                                                          const Program& program);

// The defaults alone. For tests and for embedding.
Config default_config();

}  // namespace sigway::ops
