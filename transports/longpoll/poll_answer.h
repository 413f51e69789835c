#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dialects/event.h"

namespace sigway::longpoll {

/// What one answer says. It refers to its parts, which must outlive it.
struct PollAnswer {
  struct Ended {
    std::string_view code, message;
    std::uint64_t retry_ms = 0;  ///< 0: not said
    bool is_final = false;       ///< no message beyond `up` was taken, or will be
  };

  std::uint64_t first = 1;  ///< number of events[0], or of the next event if there is none
  std::span<const dialects::EncodedEvent> events = {};
  std::uint64_t up = 0;           ///< messages taken so far
  std::string_view welcome = {};  ///< for this poll alone, in its dialect; empty: none
  std::optional<std::uint64_t> activated =
      std::nullopt;  ///< the turn that this poll activated with
  std::optional<std::uint64_t> standby =
      std::nullopt;                           ///< the highest turn seen, which this poll's was not
  bool probe = false;                         ///< the client should say anything to keep its places
  std::optional<Ended> ended = std::nullopt;  ///< the carrier is over
};

/// How a dialect writes an answer: the body of a 200. Any thread.
using EncodeAnswer = std::function<std::string(const PollAnswer& answer)>;

}  // namespace sigway::longpoll
