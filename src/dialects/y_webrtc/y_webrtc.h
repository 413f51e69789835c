#pragma once

#include "dialects/plain.h"

/// Topics, as the signaling server of y-webrtc 10 and Trystero's WebSocket relay serve them: a
/// client subscribes, and anybody publishes (docs/dialects/y-webrtc.md).
namespace sigway::dialects::y_webrtc {

const plain::Protocol& protocol() noexcept;

}  // namespace sigway::dialects::y_webrtc
