#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace sigway::base {

// What limits by address count by: one IPv4 address, or one IPv6 /64, since whoever has one IPv6
// address commonly has the whole /64. A keyed hash, so that a row in a table is 8 bytes and nobody
// can choose addresses that collide. A value; it means nothing in another process.
struct AddressKey {
  std::uint64_t value = 0;  // 0: no address is known

  // The bytes of an IPv6 address; an IPv4-mapped one counts as the IPv4 address.
  static AddressKey of(std::span<const std::uint8_t, 16> ip) noexcept;
  // A literal, IPv4 or IPv6, without port. Text that is neither counts as itself; empty text is no
  // address.
  static AddressKey parse(std::string_view ip);

  bool operator==(const AddressKey&) const = default;
  explicit operator bool() const noexcept { return value != 0; }
};

}  // namespace sigway::base

// The value is a keyed hash already.
template <>
struct std::hash<sigway::base::AddressKey> {
  std::size_t operator()(const sigway::base::AddressKey& key) const noexcept { return key.value; }
};
