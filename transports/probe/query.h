#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "http/request.h"
#include "http/response.h"

namespace sigway::probe {

enum class Kind : std::uint8_t { echo, hold, stream, socket };

/// What one probe may cost at the most.
struct Bounds {
  std::chrono::milliseconds time = std::chrono::seconds(40);
  std::size_t bytes = 1024 * 1024;  ///< written by a stream, or read by a socket
};

/// Under which name a stream's bytes travel.
enum class StreamType : std::uint8_t { events, text, json, binary };

/// The parameters of a probe's URL, checked. docs/protocol.md, "Probes".
struct Query {
  std::string u;                // the request's nonce; empty if it has none
  std::vector<std::string> of;  // echo: nonces of other requests to tell about
  std::chrono::milliseconds hold = std::chrono::seconds(1);
  StreamType type = StreamType::events;
  std::chrono::milliseconds interval{100};
  std::size_t size = 64;   // of each chunk
  std::size_t count = 10;  // of chunks
};

/// A nonce is 1 to 64 characters of A–Z a–z 0–9 - _.
bool is_nonce(std::string_view text);

/// The query of a request to the probe of that kind, or the refusal to answer with. Pure.
std::variant<Query, http::Response> read_query(const http::Request& request, Kind kind,
                                               const Bounds& bounds);

}  // namespace sigway::probe
