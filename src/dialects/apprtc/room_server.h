#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What AppRTC's room server answers: JSON, as its clients read it.
namespace sigway::dialects::apprtc {

/// Below which everything of this dialect lies.
inline constexpr std::string_view kRoot = "/apprtc";

enum class Result : std::uint8_t {
  success,
  full,
  duplicate_client,
  unknown_room,
  unknown_client,
  error,  ///< the message could not be passed on
};

/// Whom the parameters are for. Empty: not known yet.
struct Visitor {
  std::string base_url;  ///< of this server as the client sees it: "https://localhost:8080"
  std::string room = {}, client = {};
  std::optional<bool> is_initiator = std::nullopt;
};

/// Where a client is to go, and how it is to call. A JSON object.
std::string parameters(const Visitor& visitor);

/// The answer to a join. `messages` is a JSON array of texts: what waits in the room.
std::string joined(const Visitor& visitor, std::string_view messages);
std::string not_joined(Result why);

/// The answer to a message.
std::string answer(Result result);

/// `ice_servers` is a JSON array of the ICE servers of W3C WebRTC. Clients of AppRTC read `urls` as
/// an array, so that a single one becomes an array here.
std::string ice_config(std::string_view ice_servers);

/// What the room server takes for a room or a client: 1 to 128 letters, digits, `-` and `_`.
bool is_id(std::string_view text) noexcept;
/// First words of the room server's paths. `/ROOM/CLIENT` is Collider's below the same root, so no
/// room has such a name.
bool is_reserved(std::string_view room) noexcept;

}  // namespace sigway::dialects::apprtc
