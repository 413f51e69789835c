#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "socketio/fault.h"

/// One packet of Engine.IO. Source: github.com/socketio/engine.io-protocol, README (revision 4),
/// branch `v3` (revision 3), "Packet encoding"; engine.io-parser 2.2 and 5.2.
namespace sigway::dialects::socketio {

/// The protocol revision that a client names in the query: `EIO=3`, `EIO=4`.
enum class EngineVersion : std::uint8_t { eio3 = 3, eio4 = 4 };

/// The digit on the wire is the enumerator's value.
enum class EngineType : std::uint8_t { open, close, ping, pong, message, upgrade, noop };

struct EnginePacket {
  EngineType type = EngineType::message;
  bool binary = false;         ///< EIO 4: only of messages
  std::string_view data = {};  ///< UTF-8, proved by the decoder, or bytes

  bool operator==(const EnginePacket&) const = default;
};

/// Decodes a packet in text: a WebSocket text frame, or an entry of a polling payload. That is the
/// type's digit and the data. Binary data in text is `b`, the type's digit (EIO 3 only), and
/// base64. The result lies in `text`, or in `scratch` if it was base64: until one of them changes.
///
/// Faults: empty, bad_type, not_utf8. The reference takes `b` before a type that does not exist for
/// a packet without a type; here that is bad_type. It replaces what is not UTF-8 by U+FFFD.
Result<EnginePacket> decode_text_packet(EngineVersion version, std::string_view text,
                                        std::string& scratch);

/// Decodes a packet in bytes: a WebSocket binary frame, or a binary entry of an EIO 3 payload. EIO
/// 4: all of it is a message's data. EIO 3: the first byte is the type. The result lies in `bytes`.
///
/// Faults: empty and bad_type, both for EIO 3 only.
Result<EnginePacket> decode_binary_packet(EngineVersion version, std::string_view bytes);

/// Each appends one packet to `out`.
/// @{
/// Digit and text. In an EIO 4 payload the text must not contain U+001E; JSON never does.
void append_text_packet(std::string& out, EngineType type, std::string_view text);
/// Binary data in text, for polling and for clients that said `b64=1`. EIO 4: `type` is `message`.
void append_base64_packet(std::string& out, EngineVersion version, EngineType type,
                          std::string_view bytes);
/// Binary data for a WebSocket binary frame. EIO 4: `type` is `message`.
void append_binary_packet(std::string& out, EngineVersion version, EngineType type,
                          std::string_view bytes);
/// What `decode_text_packet` reads back: text as it is, binary as base64.
void append_as_text(std::string& out, EngineVersion version, const EnginePacket& packet);
/// @}

}  // namespace sigway::dialects::socketio
