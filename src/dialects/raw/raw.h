#pragma once

#include "dialects/plain.h"

/// Plain broadcast: whatever a client says goes to everybody in its room, byte for byte
/// (docs/dialects/raw.md). What the WebSocket chat tutorials on port 1337 speak.
namespace sigway::dialects::raw {

const plain::Protocol& protocol() noexcept;

}  // namespace sigway::dialects::raw
