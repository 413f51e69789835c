#pragma once

#include "base/shard_index.h"
#include "bus/node.h"
#include "net/shard.h"
#include "session/hub.h"

namespace sigway {

/// Sessions, bus and loop of one shard. `Runner` is a session::Runner that is made of the shards
/// and its index, and that serves a hub. Made before the shards run; all shards' parts outlive
/// them.
template <typename Runner>
struct ShardParts {
  ShardParts(const net::Shards& shards, base::ShardIndex index, session::Shared& shared,
             bus::Exchange& exchange)
      : runner(shards, index), hub(index, shared, runner), node(index, exchange, runner) {
    hub.connect(node);
    runner.serve(hub);
  }

  Runner runner;
  session::Hub hub;
  bus::Node node;
};

}  // namespace sigway
