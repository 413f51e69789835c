#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/shard.h"

namespace sigway::net {

// Finds turns of a shard's loop that take more than a second, also one that never ends, and
// allocations that failed. `look` is to be called about once a second, on a thread that is no
// shard's; `report` gets a sentence for each finding, on that thread. The shards outlive it.
class Watchdog {
 public:
  static constexpr base::Duration kLongestTurn = std::chrono::seconds(1);

  Watchdog(const Shards& shards, std::function<void(const std::string&)> report);
  void look(base::TimePoint now);

 private:
  struct Seen {
    base::Duration reported{};  // of the turn that is running
    std::size_t failed_allocations = 0;
  };

  const Shards& shards_;
  const std::function<void(const std::string&)> report_;
  std::vector<Seen> seen_;  // by shard
};

}  // namespace sigway::net
