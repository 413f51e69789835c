#pragma once

#include <string>
#include <string_view>

#include "session/ids.h"
#include "session/stream_carrier.h"

namespace sigway::dialects::native {

/// A stream carrier that hands out a stream ticket: whoever shows it may receive on this carrier of
/// this session, nothing else.
class SseCarrier final : public session::StreamCarrier {
 public:
  using session::StreamCarrier::StreamCarrier;

  /// The ticket's secret half; made when first asked for. Empty: none was asked for.
  std::string ticket_secret;
};

/// What a ticket says: which session, which carrier, and the proof.
struct Ticket {
  session::SessionId session;
  std::string carrier;
  std::string secret;
};
std::string to_string(const Ticket& ticket);
/// Empty secret: not a ticket.
Ticket parse_ticket(std::string_view text);

}  // namespace sigway::dialects::native
