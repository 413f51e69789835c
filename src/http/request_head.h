#pragma once

#include <cstdint>
#include <optional>

#include "http/request.h"
#include "http/response.h"

namespace sigway::http {

// How the end of a request's body is told (RFC 9112 section 6.3).
struct BodyFraming {
  bool is_chunked = false;
  std::uint64_t length = 0;
};

Problem bad_request(std::string message, std::string hint);

// Gives meaning to a head that was read off the wire: `request` comes with method name, target,
// headers and version filled in, and gets method, path, query, keep_alive and expects_continue.
// Every ambiguity is refused here. Pure.
std::optional<Problem> interpret_head(Request& request, BodyFraming& framing);

}  // namespace sigway::http
