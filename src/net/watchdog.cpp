#include "net/watchdog.h"

#include <utility>

namespace sigway::net {

namespace {

std::string milliseconds(base::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()) +
         " ms";
}

}  // namespace

Watchdog::Watchdog(const Shards& shards, std::function<void(const std::string&)> report)
    : shards_(shards), report_(std::move(report)), seen_(shards.size()) {}

void Watchdog::look(base::TimePoint now) {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    Shard& shard = *shards_[i];
    Seen& seen = seen_[i];
    const std::string name = "shard " + std::to_string(i);

    const auto busy = shard.busy_for(now);
    // A turn that goes on is reported after one second, two, four and so on.
    if (busy < seen.reported) seen.reported = {};
    if (busy > kLongestTurn && busy >= 2 * seen.reported) {
      report_(name + " has been in one turn of its loop for " + milliseconds(busy) +
              " and serves nobody else");
      seen.reported = busy;
    }
    if (const auto longest = shard.take_longest_turn(); longest > kLongestTurn)
      report_("a turn of the loop of " + name + " took " + milliseconds(longest));

    const std::size_t failed = shard.failed_allocations();
    if (failed != seen.failed_allocations) {
      report_(std::to_string(failed - seen.failed_allocations) + " allocations failed on " + name +
              "; what they were for has ended. Lower --memory-budget, or give the server more "
              "memory");
      seen.failed_allocations = failed;
    }
  }
}

}  // namespace sigway::net
