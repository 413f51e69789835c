#include "socketio_rtcmulti/profile.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/utf8.h"
#include "dialects/grammar.h"
#include "socketio/fault.h"
#include "socketio/socket_packet.h"
#include "socketio_rtcmulti/json.h"

namespace sigway::dialects::socketio::rtcmulti {
namespace {

constexpr std::string_view kMessageEvent = "RTCMultiConnection-Message";
constexpr std::string_view kCustomEvent = "custom-message";
constexpr std::uint32_t kParticipants = 1000;

/// What clients listen to, or the server does.
constexpr std::array<std::string_view, 28> kTaken = {
    "admin",
    "changed-uuid",
    "check-presence",
    "close-entire-session",
    "closed-entire-session",
    "disconnect-with",
    "error",
    "extra-data-updated",
    "get-number-of-users-in-specific-broadcast",
    "get-public-rooms",
    "get-remote-user-extra-data",
    "is-valid-password",
    "join-room",
    "logs",
    "number-of-broadcast-viewers-updated",
    "open-room",
    "ping",
    "pong",
    "reconnect",
    "reconnecting",
    "set-custom-socket-event-listener",
    "set-isInitiator-true",
    "set-password",
    "user-connected",
    "user-disconnected",
    "user-left",
    "user-not-found",
    "userid-already-taken",
};

std::string_view find(const Query& query, std::string_view name) noexcept {
  const auto field = std::find_if(query.begin(), query.end(),
                                  [&](const auto& each) { return each.first == name; });
  return field == query.end() ? std::string_view() : field->second;
}

std::string event_name(std::string_view wanted, std::string_view usual) {
  return std::string(valid_event_name(wanted) ? wanted : usual);
}

/// JavaScript's `parseInt(text || 1000) || 1000`, without what is negative.
std::uint32_t participants(std::string_view text) noexcept {
  std::uint32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && number != 0 ? number : kParticipants;
}

}  // namespace

bool is_profile(const Query& query) noexcept {
  // Clients of 3.0 and later say all three. A page of another kind may have a `userid` of its own.
  return !find(query, "msgEvent").empty() ||
         (!find(query, "userid").empty() && !find(query, "sessionid").empty());
}

Profile read_profile(const Query& query) {
  Profile profile{.userid = std::string(find(query, "userid")),
                  .message_event = event_name(find(query, "msgEvent"), kMessageEvent),
                  .custom_event = event_name(find(query, "socketCustomEvent"), kCustomEvent),
                  .extra = "{}",
                  .most_participants = participants(find(query, "maxParticipantsAllowed")),
                  .closes_rooms = find(query, "autoCloseEntireSession") == "true"};
  const auto extra = find(query, "extra");
  if (extra.size() <= kMostExtra && !find_json_fault(extra, kMaxDepth)) {
    const auto value = value_of(extra);
    if (is_truthy(value)) profile.extra = on_one_line(value);
  }
  return profile;
}

bool valid_id(std::string_view id) noexcept { return valid_room(id); }

bool valid_event_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= kMostEventName && base::is_utf8(name) &&
         !is_reserved_name(name) && std::find(kTaken.begin(), kTaken.end(), name) == kTaken.end();
}

}  // namespace sigway::dialects::socketio::rtcmulti
