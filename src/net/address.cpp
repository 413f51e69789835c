#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace sigway::net {

namespace {

constexpr std::size_t kV4Offset = 12;

void map_v4(std::array<std::uint8_t, 16>& bytes, const void* v4) {
  bytes.fill(0);
  bytes[10] = bytes[11] = 0xFF;
  std::memcpy(bytes.data() + kV4Offset, v4, 4);
}

}  // namespace

std::optional<Address> Address::parse(std::string_view ip, std::uint16_t port) {
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  const std::string text(ip);
  Address address;
  address.port_ = port;
  in_addr v4{};
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    map_v4(address.bytes_, &v4);
    return address;
  }
  if (inet_pton(AF_INET6, text.c_str(), address.bytes_.data()) == 1) return address;
  return std::nullopt;
}

Address Address::from_sockaddr(const sockaddr& address) {
  Address result;
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    map_v4(result.bytes_, &v4.sin_addr);
    result.port_ = ntohs(v4.sin_port);
  } else if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::memcpy(result.bytes_.data(), &v6.sin6_addr, 16);
    result.port_ = ntohs(v6.sin6_port);
  }
  return result;
}

Address Address::local_of(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  return getsockname(descriptor, address, &size) == 0 ? from_sockaddr(*address) : Address();
}

bool Address::is_v4() const {
  return std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto b) { return b == 0; }) &&
         bytes_[10] == 0xFF && bytes_[11] == 0xFF;
}

bool Address::is_loopback() const {
  if (is_v4()) return bytes_[kV4Offset] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto b) { return b == 0; }) &&
         bytes_.back() == 1;
}

bool Address::is_unspecified() const {
  const auto begin = is_v4() ? bytes_.begin() + kV4Offset : bytes_.begin();
  return std::all_of(begin, bytes_.end(), [](auto b) { return b == 0; });
}

Address Address::with_port(std::uint16_t port) const {
  Address copy = *this;
  copy.port_ = port;
  return copy;
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (!is_v4()) {
    inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
    return text.data();
  }
  // Each request asks for it, and inet_ntop prints by a format.
  char* end = text.data();
  for (std::size_t i = kV4Offset; i < bytes_.size(); ++i) {
    if (i != kV4Offset) *end++ = '.';
    end = std::to_chars(end, text.data() + text.size(), bytes_[i]).ptr;
  }
  return {text.data(), end};
}

std::string Address::to_string() const {
  const std::string host = is_v4() ? ip() : "[" + ip() + "]";
  return host + ":" + std::to_string(port_);
}

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  AddressRange range;
  range.base_ = *address;
  if (slash == std::string_view::npos) return range;

  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned width = address->is_v4() ? 32 : 128;
  if (error != std::errc() || end != digits.data() + digits.size() || bits > width) {
    return std::nullopt;
  }
  range.prefix_bits_ = bits + (128 - width);
  return range;
}

bool AddressRange::contains(const Address& address) const {
  const auto& a = base_.bytes();
  const auto& b = address.bytes();
  const std::size_t whole = prefix_bits_ / 8;
  const unsigned rest = prefix_bits_ % 8;
  if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
    return false;
  if (rest == 0) return true;
  const unsigned mask = (0xFF00U >> rest) & 0xFFU;
  return (a[whole] & mask) == (b[whole] & mask);
}

}  // namespace sigway::net
