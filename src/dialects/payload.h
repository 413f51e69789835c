#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace sigway::dialects {

/// What one client says to others, passed through byte for byte. A dialect that has no word for a
/// kind shows binary as `{"base64":"…"}` and text as a JSON string.
struct Payload {
  enum class Kind : std::uint8_t {
    none,  ///< nothing was said but the message's type
    json,  ///< one complete JSON value on one line, proved by the decoder
    text,  ///< UTF-8, proved by the decoder
    binary,
  };
  Kind kind = Kind::none;
  std::string bytes = {};

  std::size_t size() const noexcept { return bytes.size(); }
  bool operator==(const Payload&) const = default;
};

/// One message of a client's connection. Most events are one frame; what a dialect says in several
/// is a chain of them. Never changed after it was made.
struct Frame {
  enum class Kind : std::uint8_t { text, binary };
  std::string bytes;
  Kind kind = Kind::text;
  /// Whoever gets this has no last words for the name any more of which this is the hash
  /// (base::keyed_hash): who had that name has gone first. 0: of nobody.
  std::uint64_t voids_will_to = 0;
  std::unique_ptr<const Frame> more = {};  ///< what follows at once

  /// Bytes of the whole chain.
  std::size_t size() const noexcept {
    std::size_t sum = 0;
    for (const auto* frame = this; frame != nullptr; frame = frame->more.get())
      sum += frame->bytes.size();
    return sum;
  }
};

}  // namespace sigway::dialects
