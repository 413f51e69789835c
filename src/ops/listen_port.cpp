#include "ops/listen_port.h"

#include <arpa/inet.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "ops/parse_value.h"

namespace sigway::ops {
namespace {

// One spelling for each address: "0:0::1" is "::1". IPv4-mapped addresses stay apart.
std::string canonical(const std::string& address) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) return address;
  inet_ntop(AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

}  // namespace

bool is_dialect_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

std::variant<ListenPort, std::string> parse_listen_port(std::string_view text) {
  ListenPort result;
  const auto equals = text.find('=');
  const auto place = text.substr(0, equals);
  if (equals != std::string_view::npos) {
    const auto dialect = text.substr(equals + 1);
    if (dialect.empty()) {
      return fmt::format("a dialect after the = of '{}', or leave the = out", text);
    }
    if (!is_dialect_name(dialect)) {
      return fmt::format("a dialect of small letters, digits and '-' after the =, not '{}'",
                         dialect);
    }
    result.dialect = dialect;
  }

  const auto colon = place.rfind(':');
  const bool has_address = colon != std::string_view::npos;
  if (is_address(place) && has_address) return "an IPv6 address in brackets, like [::1]:1337";
  if (is_address(place) || place.ends_with(']')) {
    return fmt::format("a port after the address, like {}:1337", place);
  }
  const auto port_text = has_address ? place.substr(colon + 1) : place;
  if (has_address) {
    const auto address = place.substr(0, colon);
    const bool has_brackets = address.starts_with('[') && address.ends_with(']');
    const auto bare = has_brackets ? address.substr(1, address.size() - 2) : address;
    const bool is_v6 = bare.find(':') != std::string_view::npos;
    if (!is_address(bare) || has_brackets != is_v6) {
      return fmt::format(
          "an address like 0.0.0.0 or [::1] before the port, or none for that of --bind, not '{}'",
          address);
    }
    result.address = bare;
  }
  const auto port = parse_number(port_text);
  if (!port || *port > 65535) {
    return fmt::format("a port from 0 to 65535, like 1337 or [::1]:1337=DIALECT, not '{}'",
                       port_text);
  }
  result.port = static_cast<std::uint16_t>(*port);
  return result;
}

std::string to_string(const ListenPort& port) {
  std::string text;
  if (!port.address.empty()) {
    const bool is_v6 = port.address.find(':') != std::string::npos;
    text = is_v6 ? fmt::format("[{}]:", port.address) : port.address + ":";
  }
  text += std::to_string(port.port);
  if (!port.dialect.empty()) text += "=" + port.dialect;
  return text;
}

const ListenPort* find_duplicate(std::span<const ListenPort> ports, const std::string& bind,
                                 std::uint16_t port) {
  std::set<std::pair<std::string, std::uint16_t>> taken{{canonical(bind), port}};
  for (const auto& candidate : ports) {
    if (candidate.port == 0) continue;
    const auto& address = candidate.address.empty() ? bind : candidate.address;
    if (!taken.emplace(canonical(address), candidate.port).second) return &candidate;
  }
  return nullptr;
}

}  // namespace sigway::ops
