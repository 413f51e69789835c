#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sigway::dialects {

/// Why a request or a message was refused. One row each in the table of error.cpp, which gives the
/// wire name, the HTTP status and the default sentence and hint; docs/protocol.md, "Errors", is the
/// norm.
enum class ErrorCode : std::uint8_t {
  // The request as a whole (HTTP answer, WebSocket control `error`).
  bad_json,
  bad_utf8,
  too_deep,
  bad_request,
  unknown_field,
  duplicate_field,
  bad_key,
  key_in_url,
  unknown_key,
  open_mismatch,
  bad_cursor,
  number_gap,
  carrier_mismatch,
  too_many_carriers,
  restarted,
  gone,
  rate_limited,
  too_many_sessions,
  draining,
  overloaded,
  slow_request,
  // One message (an event with `re`; 400 when the message has no number).
  bad_type,
  too_large,
  bad_room,
  bad_name,
  bad_capacity,
  no_room,
  no_such_peer,
  nobody_there,
  not_in_room,
  already_joined,
  too_many_rooms,
  name_taken,
  no_name,
  mailbox_full,
  busy,
  full,
};

/// The fixed part of an error; lives as long as the program.
struct ErrorInfo {
  ErrorCode code;
  std::string_view name;  ///< as it stands in `code` on the wire
  std::uint16_t status;   ///< HTTP status; a WebSocket closes with 4000 + status
  std::string_view message;
  std::string_view hint;
};

const ErrorInfo& info(ErrorCode code) noexcept;

/// An error as a value. Empty texts mean the table's.
struct Error {
  ErrorCode code = ErrorCode::bad_request;
  std::string message = {};
  std::string hint = {};
  /// number_gap, bad_cursor: the number that would do.
  std::optional<std::uint64_t> expected = std::nullopt;
  std::optional<std::uint64_t> limit = std::nullopt;  ///< too_large: bytes
  std::string to = {};           ///< events only: the peer, or @name, the message did not reach
  std::string_view reason = {};  ///< gone: how the session ended; a text that lives for ever

  std::string_view sentence() const noexcept {
    return message.empty() ? info(code).message : message;
  }
  std::string_view advice() const noexcept { return hint.empty() ? info(code).hint : hint; }
};

/// `{"error":{"code":…,"message":…,"hint":…}}`, the body of an HTTP refusal.
std::string to_json(const Error& error);

}  // namespace sigway::dialects
