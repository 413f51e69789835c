#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Peers of Matchbox are UUIDs. That of a peer here is one of version 8 (RFC 9562 §5.8, custom),
/// whose free digits are the characters of the peer id, two digits each.
namespace sigway::dialects::matchbox {

std::string uuid_of(std::string_view peer);

/// The peer id, or nothing if it can be none.
std::optional<std::string> peer_of(std::string_view uuid);

}  // namespace sigway::dialects::matchbox
