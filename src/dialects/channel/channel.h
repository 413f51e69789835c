#pragma once

#include "dialects/plain.h"

/// Channels on a WebSocket: the server of RTCMultiConnection before 3.0 that needs no Socket.IO
/// (WebRTC-Experiment, websocket-over-nodejs). docs/dialects/rtcmulticonnection.md, "Older
/// versions", is the norm here.
///
///     client                               server
///     {"open":true,"channel":C}
///     {"checkPresence":true,"channel":C}   {"isChannelPresent":true} or false
///     {"data":D,"channel":C}               D to all others in the channel
namespace sigway::dialects::channel {

const plain::Protocol& protocol() noexcept;

}  // namespace sigway::dialects::channel
