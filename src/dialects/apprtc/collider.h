#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

/// Collider's messages, byte for byte as its Go program writes them.
namespace sigway::dialects::apprtc {

/// One frame of a client. A field that was not there is empty.
struct ClientMessage {
  enum class Command : std::uint8_t { other, enroll, send };
  Command command = Command::other;  ///< `enroll` is "register"
  std::string room, client, text;
};

/// Or what the client hears instead: the frame is not such an object.
std::variant<ClientMessage, std::string> decode_message(std::string_view frame);

/// What clients and those who post hear.
inline constexpr std::string_view kNoPlace = "Max room capacity reached";
inline constexpr std::string_view kTooManyQueued = "Too many messages queued for the client";
inline constexpr std::string_view kTakenOver = "Duplicated registration";
inline constexpr std::string_view kRegisteredAlready = "Duplicated register request";
inline constexpr std::string_view kNotRegistered = "Client not registered";
inline constexpr std::string_view kNoIds =
    "Invalid register request: missing 'clientid' or 'roomid'";
inline constexpr std::string_view kBadIds =
    "Invalid register request: 'clientid' and 'roomid' have 1 to 128 bytes without control "
    "characters, and 'roomid' is no word of the room server's paths";
inline constexpr std::string_view kNoMessage = "Invalid send request: missing 'msg'";
inline constexpr std::string_view kUnknownCommand = "Invalid message: unexpected 'cmd'";

/// `{"msg":TEXT,"error":""}` and a line feed.
std::string server_message(std::string_view text);
/// `{"msg":"","error":TEXT}` and a line feed.
std::string server_error(std::string_view text);
/// TEXT of a `server_message` as it stands there: a JSON string with its quotes.
std::string_view quoted_text_of(std::string_view message) noexcept;

/// The counters of `/status`, with a line feed.
struct Status {
  std::uint64_t seconds_up = 0;
  std::uint64_t open_sockets = 0;   ///< that are registered
  std::uint64_t total_sockets = 0;  ///< that ever were
  std::uint64_t socket_errors = 0;
  std::uint64_t http_errors = 0;
};
std::string to_json(const Status& status);

}  // namespace sigway::dialects::apprtc
