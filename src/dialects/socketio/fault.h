#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <variant>

#include "dialects/json_scanner.h"

/// The codecs of Engine.IO and Socket.IO. They take any bytes, throw nothing but bad_alloc, and
/// have no state outside their objects. Thread: any.
namespace sigway::dialects::socketio {

/// Why some bytes were refused. The wire has no words for it: a server closes the connection or
/// ignores the packet, and logs `phrase(kind)`.
struct Fault {
  enum class Kind : std::uint8_t {
    empty,                 ///< a packet or payload without a byte
    too_large,             ///< more bytes than the limit
    too_many_packets,      ///< more packets than the limit
    not_utf8,              ///< text that is not UTF-8
    bad_type,              ///< the packet type does not exist in this version
    bad_length,            ///< a length that is not decimal digits with their delimiter
    cut_short,             ///< fewer characters or bytes than the length says
    bad_form,              ///< a JSONP form body without exactly one `d`, or badly escaped
    bad_attachments,       ///< an attachment count that is not digits and `-`, or is 0
    too_many_attachments,  ///< more than kMaxAttachments
    bad_id,                ///< an acknowledgement id beyond 2^53 - 1, or none where one is needed
    bad_json,              ///< the payload is not one JSON value
    too_deep,              ///< the JSON has more than kMaxDepth levels
    missing_payload,       ///< an event without its array
    bad_payload,           ///< JSON of a kind that this packet type cannot have
    bad_name,              ///< an event name that is no string or number, or half a surrogate pair
    reserved_name,         ///< an event name that only the library itself may use
    too_many_arguments,    ///< more than kMaxArguments
    bad_placeholder,       ///< a placeholder of another shape, or whose number is wrong or repeated
    unexpected_text,       ///< a text packet while attachments are missing
    unexpected_binary,     ///< an attachment that no packet has announced
  };
  Kind kind = Kind::empty;
  std::size_t offset =
      0;  ///< in bytes, of the first byte that cannot be right, in what was decoded

  bool operator==(const Fault&) const = default;
};

/// A static phrase for the log: "the packet type does not exist".
std::string_view phrase(Fault::Kind kind) noexcept;

template <typename Value>
using Result = std::variant<Value, Fault>;

inline constexpr std::size_t kMaxAttachments = 16;  ///< a packet; the reference allows 10
inline constexpr std::size_t kMaxArguments = 256;   ///< an event or an acknowledgement
inline constexpr std::size_t kMaxDepth = 128;       ///< levels of a packet's JSON

/// Of acknowledgement ids: what JavaScript counts exactly.
inline constexpr std::uint64_t kMaxId = (std::uint64_t{1} << 53) - 1;

/// The scanner's fault as one of ours; `base` is where the JSON begins.
Fault fault_of(const JsonFault& fault, std::size_t base) noexcept;

}  // namespace sigway::dialects::socketio
