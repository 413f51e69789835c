#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "socketio/fault.h"

/// One packet of Socket.IO: the data of an Engine.IO message. Source:
/// github.com/socketio/socket.io-protocol, Readme (revision 5), branches `v4` and `v3`, "Packet
/// encoding"; socket.io-parser 2.3 (revision 4), 3.4 and 4.2.
///
///     <type>[<attachments>-][<namespace>,][<id>][<JSON>]
namespace sigway::dialects::socketio {

/// Of the protocol. Revision 3 (1.0.0 to 1.0.2) differs from 4 only in that it has no binary
/// acknowledgements. EIO 3 carries 3 and 4, EIO 4 carries 5.
enum class Revision : std::uint8_t { r4 = 4, r5 = 5 };

/// The digit on the wire is the enumerator's value. `connect_error` is `ERROR` up to revision 4.
enum class SocketType : std::uint8_t {
  connect,
  disconnect,
  event,
  ack,
  connect_error,
  binary_event,
  binary_ack,
};

constexpr bool is_binary(SocketType type) noexcept { return type >= SocketType::binary_event; }
constexpr bool is_event(SocketType type) noexcept {
  return type == SocketType::event || type == SocketType::binary_event;
}
constexpr bool is_ack(SocketType type) noexcept {
  return type == SocketType::ack || type == SocketType::binary_ack;
}

struct SocketPacket {
  SocketType type = SocketType::event;
  std::size_t attachments = 0;           ///< binary frames that follow
  std::string_view space = "/";          ///< the namespace, from its slash, without its query
  std::string_view query = {};           ///< revision 4: what stood behind its `?`
  std::optional<std::uint64_t> id = {};  ///< at most 2^53 - 1
  std::string_view json = {};            ///< one JSON value without white space around it, or empty

  bool operator==(const SocketPacket&) const = default;
};

/// Decodes a packet; its views lie in `text`. What an event's array holds is proved to be JSON, and
/// that it begins with a name.
///
/// Revision 5 is as strict as its parser: CONNECT has an object or nothing, DISCONNECT nothing, an
/// acknowledgement an array or nothing, CONNECT_ERROR a string or an object, and an event's name is
/// not one of those that the library itself emits. Revision 4 lets other JSON pass in packets that
/// are no events and no acknowledgements, and takes `50-` for a binary packet without attachments.
///
/// Faults: empty, not_utf8, bad_type, bad_attachments, too_many_attachments, bad_id, bad_json,
/// too_deep, missing_payload, bad_payload, bad_name, reserved_name. Stricter than the reference: an
/// attachment count is digits only, an event must have its array, white space before the JSON,
/// which the reference reads as id 0, is bad_json, and an empty packet is no CONNECT.
Result<SocketPacket> decode_socket_packet(Revision revision, std::string_view text);

/// Whether only the library itself may emit an event of that name. A client of revision 5 that
/// hears one disconnects.
bool is_reserved_name(std::string_view name) noexcept;

/// Appends a packet as it is: what `decode_socket_packet` gave gives the same text again, but for
/// leading zeros.
void append_socket_packet(std::string& out, const SocketPacket& packet);

/// Each appends one packet. `space` begins with a slash and has no comma; arguments are JSON values
/// with their placeholders, as many as `attachments` says. With attachments the packet is of the
/// binary type, and that many binary messages must follow at once.
/// @{
void append_event(std::string& out, std::string_view space, std::optional<std::uint64_t> id,
                  std::string_view name, std::span<const std::string_view> arguments,
                  std::size_t attachments = 0);
void append_ack(std::string& out, std::string_view space, std::uint64_t id,
                std::span<const std::string_view> arguments, std::size_t attachments = 0);
/// The server's answer: revision 5 with the socket's id and, where sessions can be recovered, the
/// private id; revision 4 with neither.
void append_connect(std::string& out, Revision revision, std::string_view space,
                    std::string_view sid, std::string_view pid = {});
/// Revision 5: `{"message":…}`, with `data` (JSON) if there is any. Revision 4: `data`, or else the
/// message as a string.
void append_connect_error(std::string& out, Revision revision, std::string_view space,
                          std::string_view message, std::string_view data = {});
void append_disconnect(std::string& out, std::string_view space);
/// The placeholder of attachment `number`, an argument or a part of one.
void append_placeholder(std::string& out, std::size_t number);
/// @}

}  // namespace sigway::dialects::socketio
