#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sigway::base {

// The secret of a keyed hash: 128 random bits.
using HashSecret = std::array<unsigned char, 16>;

// The secret of this process, new with each start. Aborts the program before `main` if the system
// has no randomness. Never logged: clients who know it can choose names that collide.
const HashSecret& process_secret() noexcept;

// SipHash-2-4 of `bytes`. A client that does not know the secret cannot choose keys that collide.
// For every table whose keys a client chooses: rooms, names, nonces, addresses. Thread: any.
std::uint64_t keyed_hash(std::string_view bytes, const HashSecret& secret) noexcept;
// The same with the secret of this process.
std::uint64_t keyed_hash(std::string_view bytes) noexcept;

// 128 bits of SipHash-2-4 with the secret of this process: no two texts that a client could send
// have the same, unless the client knows the secret. Never sent, never logged. Thread: any.
using Fingerprint = std::array<std::uint64_t, 2>;
Fingerprint fingerprint(std::string_view bytes) noexcept;

// The hash function of those tables. Not noexcept on purpose: libstdc++ then stores each entry's
// hash, instead of computing it again for every entry that a search passes.
struct KeyedHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const { return keyed_hash(bytes); }
};

// A hash table by text that a client chooses; it can be searched by string_view.
template <typename Value>
using KeyedMap = std::unordered_map<std::string, Value, KeyedHash, std::equal_to<>>;

}  // namespace sigway::base
