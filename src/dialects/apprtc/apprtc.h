#pragma once

#include <chrono>
#include <cstdint>

#include "dialects/dialect.h"

/// The clients of AppRTC: a room server that they ask by HTTP, and Collider, which passes their
/// messages on by WebSocket. docs/dialects/apprtc.md.
namespace sigway::dialects::apprtc {

/// Events as Collider's messages, with a `Note`.
const Dialect& dialect() noexcept;

/// Members of a room that an AppRTC client makes.
inline constexpr std::uint32_t kCapacity = 2;

/// How long a client holds its place before its WebSocket registers, and after that was lost.
inline constexpr base::Duration kGrace = std::chrono::seconds(10);

/// A client that has not registered yet. It counts as there until then, and goes if it does not
/// come.
inline constexpr Traits kExpected{.acknowledges = false,
                                  .activates = false,
                                  .answers_probes = false,
                                  .resumes = false,
                                  .reuses_key = true,
                                  .needs_room = true};
/// One that has. Its id may come again once it has gone.
inline constexpr Traits kClient{.acknowledges = false,
                                .activates = false,
                                .resumes = false,
                                .reuses_key = true,
                                .needs_room = true,
                                .linger = kGrace};

/// What an event is beside a message, or instead of one.
enum class Note : std::uint8_t {
  none,        ///< a message for the client
  peer_offer,  ///< likewise, an offer of a peer link: one who calls does not take it
  // These have no bytes, and no client gets them.
  created,   ///< the client is in the room, and was the first
  joined,    ///< the client is in the room, and somebody was there
  met,       ///< somebody else has come in
  gone,      ///< somebody else has gone: a "bye", if that one has not said so
  anew,      ///< a peer link begins the call anew: a "bye" to one who calls
  unsent,    ///< a message of the client's was refused, because too much waits
  unplaced,  ///< the client may not come back into its room: its address joins too often
};
Note note_of(const EncodedEvent& event) noexcept;

/// The message `kBye`, which the other one has said.
bool is_bye(const EncodedEvent& event) noexcept;

}  // namespace sigway::dialects::apprtc
