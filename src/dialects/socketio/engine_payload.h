#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "socketio/engine_packet.h"

/// Payloads of HTTP polling: several Engine.IO packets in one body. Source:
/// github.com/socketio/engine.io-protocol, README, "HTTP long-polling" (revision 4), and branch
/// `v3`, "Payload" (revision 3); engine.io-parser 1.3, 2.2 and 5.2.
namespace sigway::dialects::socketio {

enum class PayloadFormat : std::uint8_t {
  eio4,         ///< packets with U+001E between them, binary as `b` and base64
  eio3_text,    ///< `<length>:<packet>`, the length in UTF-16 units; binary as `b<type><base64>`
  eio3_binary,  ///< XHR2, `application/octet-stream`: 0 (text) or 1 (binary), the length in
                ///< bytes as digits of the values 0 to 9, 255, the packet
};

struct PayloadLimits {
  std::size_t bytes = 1'000'000;  ///< of the body; what `maxPayload` tells an EIO 4 client
  std::size_t packets = 4096;
};

/// Hands out the packets of a body one by one. Each call of `next` returns false after the last
/// packet and after the first fault, which stays in `fault()`. As in the reference, packets before
/// a fault are good: the server handles them, and then ends the session.
///
///     PayloadReader reader(format, body);
///     for (EnginePacket packet; reader.next(packet);) …
///     if (reader.fault()) …
///
/// Text of Socket.IO 1.x in `eio3_text` is decoded a second time by `decode_twice(packet.data)`,
/// for packets that look like it (text.h). What goes to such a client must be ASCII
/// (`append_ascii_json`): nobody knows whether it decodes twice.
///
/// Faults: too_large, too_many_packets, empty (a body without a byte, but for eio3_binary),
/// bad_length, cut_short, and those of `decode_text_packet` and `decode_binary_packet`. `0:` is a
/// packet without a byte, which EIO 3 skips. The reference is more lenient in what no client sends:
/// a text length may be any number that JavaScript reads (`+5`, `0x5`, `5.0`); XHR2's first byte
/// may be anything and its last packet cut short. Where XHR2's lengths are wrong it drops the
/// packets before them, too.
class PayloadReader {
 public:
  /// `body` must outlive the reader and the packets.
  PayloadReader(PayloadFormat format, std::string_view body, PayloadLimits limits = {}) noexcept;

  /// `packet.data` lies in the body, or, if it was base64, in the reader: until the next call.
  bool next(EnginePacket& packet);

  const std::optional<Fault>& fault() const noexcept { return fault_; }

 private:
  bool read_separated(EnginePacket& packet);
  bool read_counted(EnginePacket& packet);
  bool read_binary(EnginePacket& packet);
  std::optional<std::size_t> read_digits(char zero, char delimiter);
  bool take(std::size_t size, bool binary, EngineVersion version, EnginePacket& packet);
  bool fail(Fault::Kind kind, std::size_t offset) noexcept;

  PayloadFormat format_;
  std::string_view body_;
  PayloadLimits limits_;
  std::size_t at_ = 0;
  std::size_t packets_ = 0;
  bool ended_ = false;  ///< eio4: no separator is left
  std::string scratch_ = {};
  std::optional<Fault> fault_ = std::nullopt;
};

/// The body of EIO 3 in text for no packets at all.
inline constexpr std::string_view kNoPackets = "0:";

/// Appends one packet to a body, which begins as an empty string. The reference uses `eio3_binary`
/// only if one of the packets of a body is binary and the client did not say `b64=1`.
void append_to_payload(std::string& body, PayloadFormat format, const EnginePacket& packet);

}  // namespace sigway::dialects::socketio
