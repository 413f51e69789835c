#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dialects/event.h"

/// For encoders: an event as frames.
namespace sigway::dialects {

/// Candidates of one message, where each becomes a frame of its own. More than any browser gathers;
/// without a bound a message of 64 KiB would become many MiB.
inline constexpr std::size_t kMostCandidates = 256;

inline EncodedEvent text_frame(std::string text) {
  return std::make_shared<const Frame>(Frame{.bytes = std::move(text)});
}

/// One event of several frames. Null: there are none.
inline EncodedEvent text_frames(std::vector<std::string> texts) {
  if (texts.empty()) return nullptr;
  std::unique_ptr<const Frame> more;
  for (; texts.size() > 1; texts.pop_back()) {
    more = std::make_unique<const Frame>(
        Frame{.bytes = std::move(texts.back()), .more = std::move(more)});
  }
  return std::make_shared<const Frame>(
      Frame{.bytes = std::move(texts.back()), .more = std::move(more)});
}

}  // namespace sigway::dialects
