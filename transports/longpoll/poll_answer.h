#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dialects/event.h"

/// The body of a poll's answer (docs/protocol.md, "Long-polling"). No I/O, no state; any thread.
namespace sigway::longpoll {

/// What one answer says. It refers to its parts, which must outlive it.
struct PollAnswer {
  struct Ended {
    std::string_view code, message;
    std::uint64_t retry_ms = 0;  ///< 0: not said
  };

  std::uint64_t first = 1;  ///< number of events[0], or of the next event if there is none
  std::span<const dialects::EncodedEvent> events = {};
  std::uint64_t up = 0;           ///< messages taken so far
  std::string_view welcome = {};  ///< a JSON object, passed through; empty: none
  std::optional<std::uint64_t> activated =
      std::nullopt;  ///< the turn that this poll activated with
  std::optional<std::uint64_t> standby =
      std::nullopt;                           ///< the highest turn seen, which this poll's was not
  bool probe = false;                         ///< the client should say anything to keep its places
  std::optional<Ended> ended = std::nullopt;  ///< the carrier is over
};

/// One JSON object on one line.
std::string encode(const PollAnswer& answer);

}  // namespace sigway::longpoll
