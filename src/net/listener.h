#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/address.h"
#include "net/connection.h"
#include "net/connection_limits.h"
#include "net/shard.h"
#include "net/tls_context.h"

namespace sigway::net {

// Whether a connection was let in with room to spare, or only to be told that there is none.
enum class Admission { normal, server_full, address_full };

struct ListenOptions {
  std::string address = "127.0.0.1";  // a literal, IPv4 or IPv6
  std::uint16_t port = 8080;          // 0 picks a free one
  int backlog = 4096;
  std::string label = {};                      // becomes PortInfo::label
  std::shared_ptr<const TlsContext> tls = {};  // null: plain
  ConnectionOptions connections = {};
  // Raw bytes for a client that cannot even get a connection of its own (no descriptor left). Plain
  // ports only.
  std::string overload_answer = {};
  // The same for one whose address has more connections than may even be refused properly.
  std::string address_answer = {};
};

// One listening port: an acceptor on each shard, sharing the port by SO_REUSEPORT, so that the
// kernel spreads connections. The first socket is bound without that option, so a second server on
// the port is an error and no silent share.
//
// Out of descriptors: idle connections are closed first; else a spare descriptor is given up to
// accept, answer `overload_answer` and close; else accepting pauses for a moment. It never spins.
class Listener {
 public:
  // Called on the accepting shard. The handler of a connection that is not admitted should answer
  // and close.
  using MakeHandler = std::function<std::unique_ptr<ConnectionHandler>(Connection&, Admission)>;

  // Binds and listens; connections queue up in the kernel until the shards run. Before the shards
  // run, or from any thread while they do. The error is a sentence.
  static std::variant<std::unique_ptr<Listener>, std::string> open(
      const ListenOptions& options, const Shards& shards,
      const std::shared_ptr<ConnectionLimits>& limits, const MakeHandler& make_handler);

  // Closes the acceptors: on running shards in a coming turn, else at once.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Stops accepting; open connections stay. Any thread, harmless to repeat.
  void stop();
  const PortInfo& port() const { return *port_; }

 private:
  class Acceptor;
  Listener(std::shared_ptr<const PortInfo> port, const Shards& shards);

  std::shared_ptr<const PortInfo> port_;
  const Shards& shards_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
};

}  // namespace sigway::net
