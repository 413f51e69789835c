// modules: websocket

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "websocket/frame_reader.h"

/// Bytes from a client, cut into pieces at random: however they are cut, the same messages come out
/// and the same fault ends them; and nothing that comes out breaks RFC 6455. The first bytes of the
/// input say where the cuts are.
namespace {

using sigway::websocket::FrameReader;

constexpr std::size_t kMaxMessage = 4096;

struct Outcome {
  std::vector<std::pair<int, std::string>> messages;
  int close_code = 0;
  bool operator==(const Outcome&) const = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

Outcome read(std::vector<std::uint8_t> bytes, std::size_t piece) {
  FrameReader reader(kMaxMessage);
  Outcome outcome;
  std::size_t cut = piece;
  for (std::size_t at = 0; at < bytes.size() && !reader.fault(); at += cut) {
    // Pieces of changing size, so that cuts fall into heads, masks and payloads.
    cut = 1 + (cut * 31 + 7) % (piece + 1);
    auto rest = std::span(bytes).subspan(at, std::min(cut, bytes.size() - at));
    while (!rest.empty() && !reader.fault()) {
      const auto message = reader.read(rest);
      require(reader.held_bytes() <= kMaxMessage + 125);
      if (!message) continue;
      const auto payload = message->payload();
      require(payload.size() <= kMaxMessage);
      if (websocketpp::frame::opcode::is_control(message->opcode)) require(payload.size() <= 125);
      require(message->opcode != websocketpp::frame::opcode::text ||
              sigway::base::is_utf8(payload));
      outcome.messages.emplace_back(message->opcode, payload);
    }
  }
  if (reader.fault()) {
    outcome.close_code = reader.fault()->close_code;
    require(outcome.close_code >= 1002 && outcome.close_code <= 1011);
  }
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::vector<std::uint8_t> bytes(data + 1, data + size);
  const auto whole = read(bytes, bytes.size());
  require(read(bytes, 1) == whole);
  require(read(bytes, 1 + data[0] % 16U) == whole);
  return 0;
}
