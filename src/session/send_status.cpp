#include "session/send_status.h"

#include <utility>

namespace sigway::session {

dialects::Error not_taken(SendStatus status, std::string to) {
  dialects::Error error{.code = dialects::ErrorCode::busy, .to = std::move(to)};
  if (status == SendStatus::draining) {
    error.code = dialects::ErrorCode::draining;
    error.message = "The server is shutting down, and the receiver has not confirmed this message.";
    error.hint = "It may not have arrived. Send it again in your next session.";
  } else if (status == SendStatus::overloaded) {
    error.message = "The server holds as much for its clients as it may.";
    error.hint = "Send this message again a little later. --memory-budget sets the limit.";
  }
  return error;
}

}  // namespace sigway::session
