#pragma once

#include <cstdint>
#include <string_view>

#include "base/shard_index.h"

namespace sigway::bus {

/// The shard on which a room, or a name, lives: everything said in it passes there, which gives it
/// one order. FNV-1a: the same on every node and in every build, and it spreads short names well.
inline base::ShardIndex home_of(std::string_view name, base::ShardIndex shards) noexcept {
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211U;
  }
  hash ^= hash >> 32U;
  return static_cast<base::ShardIndex>(hash % shards);
}

}  // namespace sigway::bus
