#pragma once

#include <cstdint>
#include <functional>

#include "base/address_key.h"
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

/// Who caused an event, as outboxes count it. A value.
class Origin {
 public:
  /// A session that shares a room with the receiver; 0: the server itself, or the receiver.
  constexpr Origin(std::uint64_t serial = 0) noexcept  // NOLINT(google-explicit-constructor)
      : account_(serial) {}
  /// Somebody who knows the receiver's name and nothing else. All sessions of an address are one.
  static constexpr Origin mail(base::AddressKey from) noexcept { return {from.value | kMail}; }

  constexpr bool is_server() const noexcept { return account_ == 0; }
  constexpr bool is_mail() const noexcept { return (account_ & kMail) != 0; }
  constexpr bool operator==(const Origin&) const = default;

 private:
  static constexpr std::uint64_t kMail = 1ULL << 63U;  // serials never come so far
  std::uint64_t account_;
};

}  // namespace sigway::session

template <>
struct std::hash<sigway::session::SessionId> {
  std::size_t operator()(const sigway::session::SessionId& id) const noexcept {
    return std::hash<std::uint64_t>{}(id.serial);
  }
};
