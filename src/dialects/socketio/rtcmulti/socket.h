#pragma once

#include <memory>

#include "socketio/application.h"

namespace sigway::dialects::socketio::rtcmulti {

class Registry;

/// A client of RTCMultiConnection: what it emits, and what comes of that.
std::unique_ptr<Socket> make_socket(std::shared_ptr<Registry> registry, const Connect& connect);

}  // namespace sigway::dialects::socketio::rtcmulti
