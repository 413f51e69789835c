#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "socketio/application.h"

namespace sigway::dialects::socketio::rtcmulti {

/// Bytes of what a client says about itself and others may ask for.
inline constexpr std::size_t kMostExtra = 16U << 10U;
/// Names of events that a client chooses; ids of users and rooms have as many (`valid_id`).
inline constexpr std::size_t kMostEventName = 128;

/// What a client says about itself in its handshake.
struct Profile {
  std::string userid;  ///< as it came; maybe none, or one that cannot be
  std::string message_event;
  std::string custom_event;
  std::string extra;  ///< JSON
  std::uint32_t most_participants = 0;
  bool closes_rooms = false;  ///< a room ends when this client, as its owner, leaves
};

/// Whether the query is of a client of RTCMultiConnection.
bool is_profile(const Query& query) noexcept;
Profile read_profile(const Query& query);

/// Whether users and rooms may have that id: 1 to 128 bytes without control characters.
bool valid_id(std::string_view id) noexcept;

/// Whether a client may choose that name for an event that others hear: none that means something
/// to them already.
bool valid_event_name(std::string_view name) noexcept;

}  // namespace sigway::dialects::socketio::rtcmulti
