#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "socketio/fault.h"

/// Packets and payloads of Socket.IO 0.9 (`/socket.io/1/`). Source:
/// github.com/LearnBoost/socket.io-spec (revision 1), "Messages"; `lib/parser.js` of socket.io
/// 0.9.19 and its client.
///
///     <type>:[<id>[+]]:[<endpoint>][:<data>]
namespace sigway::dialects::socketio {

/// The digit on the wire is the enumerator's value.
enum class LegacyType : std::uint8_t {
  disconnect,
  connect,
  heartbeat,
  message,
  json,
  event,
  ack,
  error,
  noop,
};

enum class LegacyReason : std::uint8_t { transport_not_supported, not_handshaken, unauthorized };

struct LegacyPacket {
  LegacyType type = LegacyType::noop;
  std::optional<std::uint64_t> id = {};  ///< the sender wants an acknowledgement, at most 2^53 - 1
  bool with_data = false;  ///< `+`: the application answers it; else the receiver does, at once
  std::string_view endpoint = {};  ///< the namespace; empty for the root
  /// connect: the query with its `?`; message: text; json, event: proved JSON; acknowledgement: its
  /// arguments as a proved array, or empty. UTF-8.
  std::string_view data = {};
  std::uint64_t ack_id = 0;                 ///< acknowledgements: of the packet that they answer
  std::optional<LegacyReason> reason = {};  ///< errors
  bool reconnect = false;                   ///< errors: the advice

  bool operator==(const LegacyPacket&) const = default;
};

/// Decodes one packet; its views lie in `text`. `split_legacy_event` and `split_arguments`
/// (arguments.h) take its data apart.
///
/// Faults: empty, bad_type (also without the colon behind it), not_utf8, bad_id (an id that is no
/// number, an acknowledgement without one), bad_json and too_deep (types 4 and 5). As in the
/// reference an acknowledgement whose arguments are not an array has none, and an error's unknown
/// reason and advice count as none. The reference drops an acknowledgement's arguments if U+2028
/// stands in them; here they arrive.
Result<LegacyPacket> decode_legacy_packet(std::string_view text);

struct LegacyLimits {
  std::size_t bytes = 1'000'000;
  std::size_t packets = 4096;
};

/// U+FFFD, around each length.
inline constexpr std::string_view kLegacyDelimiter = "\xEF\xBF\xBD";

/// Hands out the texts of the packets in an HTTP body or a WebSocket frame: several as
/// `U+FFFD <length> U+FFFD <packet>` one after another, lengths in UTF-16 units, one as it is.
/// Each call returns false after the last and after the first fault.
///
/// Faults: empty, too_large, too_many_packets, bad_length, cut_short, not_utf8. Stricter than the
/// reference, which reads a packet that is cut short and text between packets as it comes.
class LegacyReader {
 public:
  /// `body` must outlive the reader and the packets.
  explicit LegacyReader(std::string_view body, LegacyLimits limits = {}) noexcept;

  bool next(std::string_view& packet) noexcept;

  const std::optional<Fault>& fault() const noexcept { return fault_; }

 private:
  bool fail(Fault::Kind kind, std::size_t offset) noexcept;

  std::string_view body_;
  LegacyLimits limits_;
  std::size_t at_ = 0;
  std::size_t packets_ = 0;
  std::optional<Fault> fault_ = std::nullopt;
};

/// Appends what a body of these packets is: nothing for none, one as it is, several framed.
void append_legacy_payload(std::string& out, std::span<const std::string> packets);

/// Appends a packet as it is: what `decode_legacy_packet` gave decodes to the same again.
void append_legacy_packet(std::string& out, const LegacyPacket& packet);

/// Each appends one packet. `endpoint` is empty or begins with a slash, and has no colon;
/// `arguments` are JSON values, none of them leaves `args` out.
/// @{
void append_legacy_event(std::string& out, std::string_view endpoint, std::string_view name,
                         std::span<const std::string_view> arguments,
                         std::optional<std::uint64_t> id = {});
void append_legacy_ack(std::string& out, std::string_view endpoint, std::uint64_t ack_id,
                       std::span<const std::string_view> arguments);
/// @}

}  // namespace sigway::dialects::socketio
