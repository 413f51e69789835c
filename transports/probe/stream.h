#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "http/response.h"
#include "probe/query.h"

namespace sigway::probe {

/// The head of a stream of that type, with everything that asks the way not to hold it back.
http::Response stream_head(StreamType type);

/// Chunk `n` of a stream, exactly `size` bytes (64 at the least): a line of JSON
/// `{"n":0,"at":0,"pad":"…"}`, for events as `data: …` and an empty line. `at` is milliseconds
/// since the stream began. The padding does not compress well, so that a gzip on the way fills its
/// blocks as it does with real data.
std::string chunk(StreamType type, std::size_t n, std::chrono::milliseconds at, std::size_t size);

}  // namespace sigway::probe
