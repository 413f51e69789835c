#pragma once

#include <algorithm>
#include <array>
#include <utility>

#include "client/client.h"
#include "client/scheduler.h"

namespace sigway::client {

/// Which transports die young here. A transport has two lives; one is lost when it is cut soon
/// after it took over. Without any it is set aside for a while in favour of a better-behaved one: a
/// minute at first, twice as long each time. Never for ever.
class Lives {
 public:
  explicit Lives(const Scheduler& scheduler) : scheduler_(scheduler) {}

  /// It was cut young. `is_hopeless`: all its lives are lost at once. For how long it is set aside;
  /// 0 if it is not.
  Duration lose(Transport transport, bool is_hopeless = false) {
    auto& record = at(transport);
    record.lost = is_hopeless ? kLives : record.lost + 1;
    if (record.lost < kLives) return Duration(0);
    const auto term = record.term;
    record.lost = kLives - 1;  // when it is back, it is on probation
    record.until = scheduler_.now() + term;
    record.term = std::min(kLongestTerm, 2 * term);
    return term;
  }

  /// It loses all its lives, and the next pardon() does not give them back.
  Duration lose_for_certain(Transport transport) {
    at(transport).is_certain = true;
    return lose(transport, true);
  }

  /// It grew old, or what killed it is known and mended.
  void restore(Transport transport) { at(transport) = {}; }

  /// Everything failed together: an outage, and no transport's fault.
  void pardon() {
    for (auto& record : records_) {
      if (std::exchange(record.is_certain, false)) continue;
      record.lost = 0;
      record.until = {};
    }
  }

  bool is_aside(Transport transport) const { return remaining(transport) > Duration(0); }
  /// Until it may be tried again.
  Duration remaining(Transport transport) const {
    const auto left = records_[index(transport)].until - scheduler_.now();
    return std::max(Duration(0), std::chrono::ceil<Duration>(left));
  }

 private:
  static constexpr int kLives = 2;
  static constexpr Duration kFirstTerm{60'000}, kLongestTerm{600'000};
  struct Record {
    int lost = 0;
    Duration term = kFirstTerm;
    Time until{};
    bool is_certain = false;
  };
  static std::size_t index(Transport transport) { return static_cast<std::size_t>(transport) - 1; }
  Record& at(Transport transport) { return records_[index(transport)]; }

  const Scheduler& scheduler_;
  std::array<Record, 3> records_;
};

}  // namespace sigway::client
