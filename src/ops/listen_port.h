#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

// The values of --listen. Pure functions.
namespace sigway::ops {

// A port to listen on beside --bind and --port.
struct ListenPort {
  std::string address;     // IPv4 or IPv6, without brackets; empty: that of --bind
  std::uint16_t port = 0;  // 0: a free one
  std::string dialect;     // what answers at `/`; empty: the same as on the main port

  bool operator==(const ListenPort&) const = default;
};

// Reads `[ADDR:]PORT[=DIALECT]`, an IPv6 address in brackets: "1337", "0.0.0.0:1337=raw",
// "[::1]:1337". Else says what to write instead. Whether there is such a dialect is not known here.
std::variant<ListenPort, std::string> parse_listen_port(std::string_view text);

// Whether a dialect may be called so: lower case letters, digits and hyphens.
bool is_dialect_name(std::string_view text);

// The value as one would write it: "[::1]:1337=raw".
std::string to_string(const ListenPort& port);

// The first of `ports` whose address and port another one before it has, or `bind` and `port`, the
// main port. Port 0 is never taken.
const ListenPort* find_duplicate(std::span<const ListenPort> ports, const std::string& bind,
                                 std::uint16_t port);

}  // namespace sigway::ops
