#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/rate_gate.h"

namespace sigway::session {

/// The rules' numbers (docs/protocol.md, "Limits"). The same for every shard; set once before the
/// first session.
struct Settings {
  base::Duration ack_deadline =
      std::chrono::seconds(15);  ///< a session nothing of which was ever acknowledged
  base::Duration suspend_after =
      std::chrono::seconds(10);  ///< without a connection, until peers are told
  base::Duration resume_window =
      std::chrono::minutes(2);  ///< without a connection, until the session ends
  base::Duration standby_timeout = std::chrono::seconds(10);  ///< a carrier that nobody activates
  base::Duration probe_timeout =
      std::chrono::seconds(10);  ///< silence after which a probed holder loses its place
  base::Duration poll_linger = std::chrono::seconds(30);  ///< a person's session after a GET poll
  base::Duration heartbeat =
      std::chrono::seconds(25);  ///< the longest interval; clients may ask for less
  base::Duration poll_hold = std::chrono::seconds(25);       ///< the longest wait of a poll
  base::Duration stream_max_age = std::chrono::minutes(10);  ///< 0: no limit
  std::size_t stream_max_bytes = 8U << 20U;                  ///< 0: no limit
  base::Duration ended_key_memory = std::chrono::minutes(10);
  std::size_t ended_keys = 1'000'000;
  std::size_t outbox_limit = 4U << 20U;  ///< bytes of unacknowledged events
  std::size_t gap_messages = 64;
  std::size_t gap_bytes = 256U << 10U;
  std::size_t waiting_bytes = 256U
                              << 10U;  ///< commands that wait for the result of a join or login
  double message_rate = 200;           ///< a second; 0: no limit
  double message_burst = 400;
  double join_rate = 50;     ///< joins a second of one address; 0: no limit
  double join_burst = 1000;  ///< at once, before the rate holds
  std::size_t max_rooms = 8;
  std::size_t standby_carriers = 3;
  std::uint32_t max_room_capacity = 64;
};

/// How often one session may make its rooms tell their members of its presence, which costs it no
/// message. Beyond it they hear later what is so then.
inline constexpr base::RateLimit kPresenceRate{.per_second = 1, .burst = 4};
/// How often a session may log in or out; beyond it that is refused.
inline constexpr base::RateLimit kNameRate{.per_second = 1, .burst = 20};

/// How many events the clients of one address may make one room send to a member without a message:
/// by joins, by the leaves that follow, and by changes of names. With the defaults they fill less
/// than an outbox within the resume window, in all rooms that two sessions can share. An office can
/// fill a room twice at once.
inline base::RateLimit room_rate(const Settings& settings) {
  if (settings.join_rate <= 0) return {};
  return {.per_second = 2, .burst = std::max(400.0, 6.0 * settings.max_room_capacity)};
}
/// How much clients of one address may say to the subscribers of topics that have more of them than
/// a room has places: as many deliveries as one session can make in a room.
inline base::RateLimit published_rate(const Settings& settings) {
  const auto places = static_cast<double>(settings.max_room_capacity);
  return {.per_second = settings.message_rate * places, .burst = settings.message_burst * places};
}
/// A join counts for `peer-joined`, `ready` and `peer-left`.
inline constexpr double kJoinEvents = 3;

}  // namespace sigway::session
