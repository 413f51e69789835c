#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "websocket/connection.h"

namespace sigway::dialects::socketio {

struct Options {
  std::string path = "/socket.io";
  base::Duration ping_interval = std::chrono::seconds(25);
  base::Duration ping_timeout = std::chrono::seconds(20);
  /// A client that has connected to no namespace by then goes.
  base::Duration connect_timeout = std::chrono::seconds(20);
  /// For the whole of a transport's upgrade.
  base::Duration upgrade_timeout = std::chrono::seconds(10);
  /// How long a poll whose connection was cut may come again before its client is taken for gone.
  base::Duration repeat_time = std::chrono::seconds(2);
  /// The longest wait of a poll.
  base::Duration poll_hold = std::chrono::seconds(25);
  /// Bytes of a body, of a WebSocket's message, and of a packet with its attachments.
  std::size_t max_payload = 256U << 10U;
  /// Refuses Engine.IO 3 and Socket.IO 0.9.
  bool only_eio4 = false;
  /// Clients of Socket.IO 4.6 and newer may come back for what they have missed. They learn a
  /// private id, and a number with each event.
  bool recovers = true;
  websocket::Options websocket = {};
  /// What `ipaddr` of the codelab's rooms answers.
  std::vector<std::string> addresses = {};
};

}  // namespace sigway::dialects::socketio
