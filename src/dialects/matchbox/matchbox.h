#pragma once

#include "dialects/plain.h"

/// The signaling server of Matchbox: rooms of peers with UUIDs, also filled so many at a time
/// (docs/dialects/matchbox.md).
namespace sigway::dialects::matchbox {

const plain::Protocol& protocol() noexcept;

}  // namespace sigway::dialects::matchbox
