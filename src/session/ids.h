#pragma once

#include <cstdint>
#include <functional>

#include "base/shard_index.h"

namespace sigway::session {

/// Names a session from any shard. Serials are never reused, so a stale id finds nothing instead of
/// somebody else.
struct SessionId {
  base::ShardIndex shard = 0;  ///< where the session lives and dies
  std::uint64_t serial = 0;    ///< 0 names no session

  bool operator==(const SessionId&) const = default;
  explicit operator bool() const noexcept { return serial != 0; }
};

}  // namespace sigway::session

template <>
struct std::hash<sigway::session::SessionId> {
  std::size_t operator()(const sigway::session::SessionId& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.serial);
  }
};
