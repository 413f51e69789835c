#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "probe/jobs.h"
#include "probe/limits.h"
#include "probe/nonces.h"
#include "probe/query.h"
#include "server/exchange.h"
#include "server/router.h"

namespace sigway::probe {

struct Options {
  Bounds bounds;
  Limits::Options limits;
};

/// The routes `/v1/probe/…` of docs/protocol.md, "Probes". Thread: `handle` on the shard that
/// accepted the connection. Lifetime: until the shards' loops have ended.
class Probe {
 public:
  /// `server_id` is what the server calls itself in `welcome`.
  Probe(Options options, std::string server_id, std::size_t shards);

  void handle(Kind kind, server::Exchange& exchange);

 private:
  /// The report: counts the nonce, in the name of that address.
  std::string report(server::Exchange& exchange, base::AddressKey address, const Query& query);

  const Options options_;
  const std::string server_id_;
  Nonces nonces_;
  std::shared_ptr<Limits> limits_;
  std::vector<std::unique_ptr<Jobs>> jobs_;  // by shard
};

void add_routes(server::Router& router, const std::shared_ptr<Probe>& probe);

}  // namespace sigway::probe
