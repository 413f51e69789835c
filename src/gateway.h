#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ops/config.h"

namespace sigway {

/// The whole server: shards, bus, sessions, transports and pages on one port or several, put
/// together from the settings. Thread: the one that made it. Signals (SIGTERM, SIGINT, SIGHUP) are
/// handled by `run`, and blocked in all threads from `start` on.
class Gateway {
 public:
  explicit Gateway(ops::Config config);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Binds the ports and starts the shards: from its return on connections are served. The error is
  /// a sentence.
  std::optional<std::string> start();

  struct Port {
    std::string url;      // `http://127.0.0.1:8080`, with the port that was really bound
    std::string dialect;  // what answers at `/`; empty: as on the main port
  };
  /// Where it listens: the main port, then those of --listen in their order.
  std::vector<Port> ports() const;

  /// Serves until SIGTERM or SIGINT, then drains: no new session, clients are told to reconnect,
  /// spread over the drain time (a tenth of it after SIGINT). A second signal ends it at once.
  /// SIGHUP reloads the certificate. Returns the exit status.
  int run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace sigway
