#pragma once

#include <string_view>

#include "base/keyed_hash.h"
#include "base/shard_index.h"

namespace sigway::bus {

/// The shard on which a room, or a name, lives: everything said in it passes there, which gives it
/// one order. Keyed, so that a client cannot choose names that all fall to one shard. Nodes that
/// agree on a home need the same `secret`: a cluster must share one, instead of each process's own.
/// Thread: any.
inline base::ShardIndex home_of(std::string_view name, base::ShardIndex shards,
                                const base::HashSecret& secret) noexcept {
  // The upper bits: the tables of one shard use the lower ones, and must not lose what is the same
  // for all that live there.
  return static_cast<base::ShardIndex>((base::keyed_hash(name, secret) >> 32U) % shards);
}

/// The same with the secret of this process.
inline base::ShardIndex home_of(std::string_view name, base::ShardIndex shards) noexcept {
  return home_of(name, shards, base::process_secret());
}

}  // namespace sigway::bus
