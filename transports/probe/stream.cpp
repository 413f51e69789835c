#include "probe/stream.h"

#include <cstdint>
#include <string_view>

namespace sigway::probe {
namespace {

std::string_view content_type(StreamType type) {
  switch (type) {
    case StreamType::events: return "text/event-stream";
    case StreamType::text: return "text/plain; charset=utf-8";
    case StreamType::json: return "application/json";
    case StreamType::binary: return "application/octet-stream";
  }
  return "";
}

}  // namespace

http::Response stream_head(StreamType type) {
  http::Response head(200, content_type(type), {});
  // As /v1/sse does it, so that the probe meets what a session would meet.
  head.set("Cache-Control", "no-cache, no-store, no-transform");
  head.set("X-Accel-Buffering", "no");
  return head;
}

std::string chunk(StreamType type, std::size_t n, std::chrono::milliseconds at, std::size_t size) {
  const bool is_event = type == StreamType::events;
  std::string out = is_event ? "data: " : "";
  out += R"({"n":)" + std::to_string(n) + R"(,"at":)" + std::to_string(at.count()) + R"(,"pad":")";
  const std::string_view end = is_event ? "\"}\n\n" : "\"}\n";
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  // A linear congruential generator (Numerical Recipes, 2nd edition, §7.1): no secret, just noise.
  auto noise = static_cast<std::uint32_t>(n + 1);
  while (out.size() + end.size() < size) {
    noise = noise * 1664525U + 1013904223U;
    out += kLetters[noise >> 26U];
  }
  return out.append(end);
}

}  // namespace sigway::probe
