#include "dialects/error.h"

#include <array>

#include "dialects/json_writer.h"

namespace sigway::dialects {
namespace {

// One row for each ErrorCode, in its order. The status counts for requests alone. Only 413, 429 and
// 5xx tell a client to send the same thing again, so a refused message has none of these even where
// it means "later" (docs/protocol.md, "Up: messages").
constexpr std::array kTable = {
    ErrorInfo{ErrorCode::bad_json, "bad_json", 400, "The request is not JSON.",
              "Send one JSON object, for example {\"key\":\"…\",\"open\":{\"room\":\"demo\"}}."},
    ErrorInfo{ErrorCode::bad_utf8, "bad_utf8", 400, "The request is not UTF-8.",
              "Encode the text as UTF-8; put binary data into a string as base64."},
    ErrorInfo{ErrorCode::too_deep, "too_deep", 400, "The JSON has too many levels.",
              "Flatten it, or send it as a string that the receiver parses."},
    ErrorInfo{ErrorCode::bad_request, "bad_request", 400, "A field of the request is wrong.",
              "Compare it with the table of fields in docs/protocol.md."},
    ErrorInfo{ErrorCode::unknown_field, "unknown_field", 400,
              "The request has a field that nobody knows.",
              "Look for a misspelt name; what is yours to choose goes into `data`."},
    ErrorInfo{ErrorCode::duplicate_field, "duplicate_field", 400,
              "A field stands in the request twice.", "Send each field once."},
    ErrorInfo{ErrorCode::bad_key, "bad_key", 400,
              "The key is not 22 to 128 characters of A-Z a-z 0-9 - _.",
              "Make one of at least 128 random bits, for example 22 random characters of these."},
    ErrorInfo{ErrorCode::key_in_url, "key_in_url", 400,
              "A key must not stand in a URL, where logs and proxies see it.",
              "Send the key in the body of a POST, or in the first WebSocket frame; consider this "
              "one spoilt."},
    ErrorInfo{ErrorCode::unknown_key, "unknown_key", 404, "There is no session with this key.",
              "Open one: send the request with `open`."},
    ErrorInfo{ErrorCode::open_mismatch, "open_mismatch", 409,
              "A session with this key is open already, with other contents of `open`.",
              "Repeat `open` exactly as it was, or take another key."},
    ErrorInfo{ErrorCode::bad_cursor, "bad_cursor", 409,
              "`ack` is above the last event that was sent to this session.",
              "Acknowledge only numbers of events that have arrived."},
    ErrorInfo{ErrorCode::number_gap, "number_gap", 409,
              "The message's number is too far beyond the one that the server waits for.",
              "Send the messages from `expected` on."},
    ErrorInfo{ErrorCode::carrier_mismatch, "carrier_mismatch", 409,
              "The carrier of this name is of another kind, or no longer there.",
              "Attach with another name in `carrier`."},
    ErrorInfo{ErrorCode::too_many_carriers, "too_many_carriers", 409,
              "The session has as many carriers as it may.",
              "Activate one of them, or let some end, before you attach another."},
    ErrorInfo{ErrorCode::restarted, "restarted", 409,
              "The server that knew this session has restarted.",
              "Open a session anew, with a new key."},
    ErrorInfo{ErrorCode::gone, "gone", 410, "The session with this key has ended.",
              "Open a session anew, with a new key."},
    ErrorInfo{ErrorCode::rate_limited, "rate_limited", 429,
              "Too many messages in too short a time.",
              "Send the same again after the time that Retry-After says."},
    ErrorInfo{ErrorCode::too_many_sessions, "too_many_sessions", 429,
              "Too many sessions from one address.",
              "Leave some, or try again later. --max-sessions-per-address sets the limit; 0 "
              "switches it off."},
    ErrorInfo{ErrorCode::draining, "draining", 503, "This server is shutting down.",
              "Try again after the time that Retry-After says; another server will answer."},
    ErrorInfo{ErrorCode::overloaded, "overloaded", 503, "This server has no room for more.",
              "Try again after the time that Retry-After says."},
    ErrorInfo{ErrorCode::slow_request, "slow_request", 408, "The request did not arrive in time.",
              "Send it again; where the network is slow, in smaller pieces."},
    ErrorInfo{ErrorCode::bad_type, "bad_type", 400,
              "The message's type is not one that a client may send.",
              "A type is 1 to 64 of letters, digits, `.`, `_`, `:`, `-`, a letter first, and none "
              "of the server's own."},
    ErrorInfo{
        ErrorCode::too_large, "too_large", 400, "The message is too large.",
        "Send less, or in several messages that the receiver puts together; `limit` is in bytes."},
    ErrorInfo{ErrorCode::bad_room, "bad_room", 400,
              "A room's name is 1 to 128 bytes of UTF-8 without control characters.",
              "Choose another name for the room."},
    ErrorInfo{ErrorCode::bad_name, "bad_name", 400,
              "A name is 1 to 64 characters without control characters or a leading `@`.",
              "Choose another name."},
    ErrorInfo{ErrorCode::bad_capacity, "bad_capacity", 400, "A room cannot have this capacity.",
              "Send a whole number from 1 up to the server's limit (--max-room-capacity)."},
    ErrorInfo{ErrorCode::no_room, "no_room", 409, "The message does not say which room it is for.",
              "Join a room first; in several rooms, say which one in `room`."},
    ErrorInfo{ErrorCode::no_such_peer, "no_such_peer", 404, "There is no such peer in the room.",
              "Take peer ids from `joined` and `peer-joined`; a peer that came back by a reload "
              "has a new one."},
    ErrorInfo{ErrorCode::nobody_there, "nobody_there", 404, "Nobody else is in the room.",
              "Wait for `peer-joined` and send it again."},
    ErrorInfo{ErrorCode::not_in_room, "not_in_room", 409, "You are not in this room.",
              "Join it first: {\"type\":\"join\",\"room\":\"…\"}."},
    ErrorInfo{ErrorCode::already_joined, "already_joined", 409, "You are in this room already.",
              "Go on; nothing has changed."},
    ErrorInfo{ErrorCode::too_many_rooms, "too_many_rooms", 409,
              "You are in as many rooms as a session may be.",
              "Leave one first. --max-rooms-per-session sets the limit."},
    ErrorInfo{ErrorCode::name_taken, "name_taken", 409, "Somebody else has this name.",
              "Choose another name, or try again later."},
    ErrorInfo{ErrorCode::no_name, "no_name", 409, "You have no name.",
              "Take one first: {\"type\":\"login\",\"name\":\"…\"}."},
    ErrorInfo{ErrorCode::mailbox_full, "mailbox_full", 409,
              "Nobody has this name, and its mailbox is full.",
              "Try again when somebody has the name, or when its messages have expired."},
    ErrorInfo{ErrorCode::busy, "busy", 409, "The receiver does not keep up with what you send.",
              "Send less, and this message again a little later."},
    ErrorInfo{ErrorCode::full, "full", 409, "The room is full.",
              "Try again when somebody has left, or use another room."},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].code) != i) return false;
  }
  return kTable.size() == static_cast<std::size_t>(ErrorCode::full) + 1;
}
static_assert(in_order(), "one row for each ErrorCode, in its order");

}  // namespace

const ErrorInfo& info(ErrorCode code) noexcept { return kTable[static_cast<std::size_t>(code)]; }

std::string to_json(const Error& error) {
  std::string out;
  out.reserve(96 + error.sentence().size() + error.advice().size());
  out += R"({"error":)";
  JsonWriter json(out);
  json.text("code", info(error.code).name)
      .text("message", error.sentence())
      .optional_text("hint", error.advice())
      .optional_text("reason", error.reason);
  json.optional_number("expected", error.expected).optional_number("limit", error.limit).close();
  out += '}';
  return out;
}

}  // namespace sigway::dialects
