#pragma once

#include <cstdint>
#include <string>

#include "dialects/error.h"

namespace sigway::session {

/// What happened to an event that was put into an outbox, or to a message on its way there.
enum class SendStatus : std::uint8_t {
  sent,
  busy,        ///< the sender's share is used up; nothing was put in
  overloaded,  ///< the memory budget is used up; nothing was put in
  draining,    ///< the server shuts down, and nothing more reaches the client
  full,        ///< the outbox is over its limit: the session does not keep up
  absent,      ///< the session has ended, or is about to
};

/// What the sender hears of `busy`, `overloaded` or `draining`. `to`: who did not get the message,
/// as the sender would write it; empty: nobody got it.
dialects::Error not_taken(SendStatus status, std::string to);

}  // namespace sigway::session
