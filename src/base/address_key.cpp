#include "base/address_key.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/keyed_hash.h"

namespace sigway::base {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr std::size_t kPrefix = 8;  // bytes of a /64

AddressKey key_of(std::span<const std::uint8_t> bytes) noexcept {
  const auto hash = keyed_hash({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return {hash == 0 ? 1 : hash};
}

}  // namespace

AddressKey AddressKey::of(std::span<const std::uint8_t, 16> ip) noexcept {
  // Of different lengths, so that no prefix can stand for an IPv4 address.
  if (std::equal(kMapped.begin(), kMapped.end(), ip.begin())) return key_of(ip.subspan<12>());
  return key_of(ip.first<kPrefix>());
}

AddressKey AddressKey::parse(std::string_view ip) {
  if (ip.empty()) return {};
  const std::string text(ip);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return of(bytes);
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  if (inet_pton(AF_INET, text.c_str(), bytes.data() + kMapped.size()) == 1) return of(bytes);
  return {keyed_hash(ip) | 1U};
}

}  // namespace sigway::base
