#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/digest_memo.h"

namespace sigway::session {

/// SHA-256 of the process's hash secret and a session's key. The key itself is never stored or
/// logged: whoever reads the server's memory tables, or a log, cannot take over a session. Because
/// of the secret, a client cannot choose keys whose hashes begin alike, so tables may use the bytes
/// as they are.
struct KeyHash {
  std::array<std::uint8_t, 32> bytes{};

  bool operator==(const KeyHash&) const = default;
  explicit operator bool() const noexcept { return *this != KeyHash{}; }
};

KeyHash hash_key(std::string_view key);
/// The same for a request on a connection that keeps `memo`.
KeyHash hash_key(std::string_view key, base::DigestMemo& memo);

/// A key for a person's session: 256 bits from the system's generator, base64url.
std::string make_key();

/// A peer id: 10 characters of base32. Unguessable enough that it is not worth guessing, short
/// enough to read aloud.
std::string make_peer_id();

/// `bytes` random bytes as base64url: server ids and stream tickets.
std::string make_token(std::size_t bytes);

/// A random UUID (RFC 9562, version 4).
std::string make_uuid();

/// Compares without telling by its time where the first difference is.
bool equal_secret(std::string_view a, std::string_view b) noexcept;

}  // namespace sigway::session

template <>
struct std::hash<sigway::session::KeyHash> {
  std::size_t operator()(const sigway::session::KeyHash& key) const noexcept {
    std::size_t value = 0;
    std::memcpy(&value, key.bytes.data(), sizeof value);
    return value;
  }
};
