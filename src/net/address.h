#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address_key.h"

struct sockaddr;

namespace sigway::net {

// An IP address with a port: a value, IPv4 kept as IPv4-mapped IPv6, so that `::ffff:10.0.0.1` and
// `10.0.0.1` are one address. Ports are in host order.
class Address {
 public:
  Address() = default;

  // A literal, IPv6 with or without brackets; no names, no port in the text.
  static std::optional<Address> parse(std::string_view ip, std::uint16_t port = 0);
  static Address from_sockaddr(const sockaddr& address);
  static Address local_of(int descriptor);  // the unspecified address on failure

  bool is_v4() const;
  bool is_loopback() const;     // 127.0.0.0/8 or ::1
  bool is_unspecified() const;  // 0.0.0.0 or ::
  std::uint16_t port() const { return port_; }
  Address with_port(std::uint16_t port) const;
  Address without_port() const { return with_port(0); }
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  // What limits by address count it by.
  base::AddressKey key() const { return base::AddressKey::of(bytes_); }

  std::string ip() const;         // "127.0.0.1", "::1"
  std::string to_string() const;  // "127.0.0.1:80", "[::1]:80": ready for a URL

  friend bool operator==(const Address&, const Address&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
  std::uint16_t port_ = 0;
};

// `10.0.0.0/8`, `fd00::/8`, or one address.
class AddressRange {
 public:
  static std::optional<AddressRange> parse(std::string_view text);
  bool contains(const Address& address) const;  // ports do not count

 private:
  Address base_;
  unsigned prefix_bits_ = 128;
};

}  // namespace sigway::net
