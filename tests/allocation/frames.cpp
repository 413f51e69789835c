#include "allocation/frames.h"

namespace sigway::testing {

std::string upgrade_request(const std::string& path) {
  return "GET " + path +
         " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
}

std::string frame_of(const std::string& payload, unsigned opcode) {
  std::string frame(1, static_cast<char>(0x80U | opcode));
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80U | payload.size());
  } else {
    frame += static_cast<char>(0x80U | 126U);
    frame += static_cast<char>(payload.size() >> 8U);
    frame += static_cast<char>(payload.size() & 0xffU);
  }
  return frame += std::string(4, '\0') + payload;
}

std::optional<TakenFrame> take_frame(std::string& in) {
  if (in.size() < 2) return std::nullopt;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(in[i]); };
  std::size_t size = byte(1) & 0x7fU;
  std::size_t start = 2;
  if (size == 126) {
    if (in.size() < 4) return std::nullopt;
    size = byte(2) * 256U + byte(3);
    start = 4;
  }
  if (in.size() < start + size) return std::nullopt;
  TakenFrame frame{byte(0) & 0x0fU, in.substr(start, size)};
  in.erase(0, start + size);
  return frame;
}

}  // namespace sigway::testing
