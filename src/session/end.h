#pragma once

#include <cstdint>
#include <string_view>

#include "dialects/error.h"

namespace sigway::session {

/// Why a carrier, or a whole session, ended. One row each in the table of end.cpp;
/// docs/protocol.md, "Ends", is the norm. The name is also the label of the metric.
enum class End : std::uint8_t {
  // The carrier only.
  moved,
  standby_timeout,
  stream_limit,
  silent,
  rate_limited,
  draining,
  no_attach,
  // The session.
  left,
  replaced,
  timeout,
  no_ack,
  slow_consumer,
  memory,
  full,
  name_taken,
};
inline constexpr std::size_t kEndCount = 15;

struct EndInfo {
  End end;
  std::string_view name;     ///< as on the wire
  std::uint16_t close_code;  ///< of a WebSocket (RFC 6455 §7.4.2, private use)
  bool carrier_may_return;   ///< whether the same carrier may be attached again
  std::string_view sentence;
};

const EndInfo& info(End end) noexcept;

/// What a request hears whose key belongs to a session that ended so.
dialects::Error gone(End reason);

}  // namespace sigway::session
