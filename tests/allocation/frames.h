#pragma once

#include <optional>
#include <string>

/// Frames of RFC 6455 as a client writes and reads them, none longer than 64 KiB.
namespace sigway::testing {

/// The request that asks for a WebSocket at that path.
std::string upgrade_request(const std::string& path);

/// A frame with that payload, masked by zeros.
std::string frame_of(const std::string& payload, unsigned opcode = 1);

struct TakenFrame {
  unsigned opcode = 0;
  std::string payload;
};
/// Takes the first frame off `in`; none if it has not come as a whole.
std::optional<TakenFrame> take_frame(std::string& in);

}  // namespace sigway::testing
