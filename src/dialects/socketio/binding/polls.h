#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "http/exchange.h"
#include "http/response.h"

namespace sigway::dialects::socketio {

/// The polls of one engine. One waits for what comes next, with copies of it that were made on the
/// way. The last answer is kept for a client that repeats its poll because the answer was lost.
///
/// Thread: the engine's shard. `holder` outlives it, and the replies outlive the polls.
class Polls {
 public:
  explicit Polls(base::MemoryHolder& holder) : last_bytes_(holder, base::MemoryPart::output) {}

  enum class Arrival : std::uint8_t {
    waits,     ///< nobody else does
    copies,    ///< it waits, too: it is a copy of the one that waits
    crowds,    ///< it is one copy too many: `replace_oldest`
    repeats,   ///< it has been given the last answer again
    overlaps,  ///< another one waits; this one is not answered
  };
  /// A poll has come. `stamp` (`t`) tells it from a copy; empty: none.
  Arrival arrive(http::Replies& replies, const http::ExchangeId& to, std::string stamp);
  /// Lets that copy wait in the place of the oldest one, which is returned.
  http::ExchangeId replace_oldest(const http::ExchangeId& by);

  bool are_waiting() const noexcept { return !waiting_.empty(); }
  /// Until when they may wait; TimePoint::max() if none does, or for ever.
  void wait_until(base::TimePoint time) noexcept { until_ = time; }
  base::TimePoint wait_until() const noexcept { return until_; }

  /// Gives this to all that wait, and keeps it.
  void answer(http::Response response);
  void forget_answer() noexcept;
  /// The connection of a poll is gone: whether now nobody waits any more.
  bool gone(const http::ExchangeId& of) noexcept;
  /// Ends all that wait without an answer.
  void abandon() noexcept;

 private:
  bool is_answered_on(const http::ExchangeId& to) const noexcept;

  http::Replies* replies_ = nullptr;
  std::vector<http::ExchangeId> waiting_;
  base::TimePoint until_ = base::TimePoint::max();
  std::string stamp_;          // of the latest poll
  http::ExchangeId answered_;  // where the latest answer went first
  std::optional<http::Response> last_;
  base::MemoryShare last_bytes_;
};

}  // namespace sigway::dialects::socketio
