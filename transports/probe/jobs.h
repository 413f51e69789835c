#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "base/timer_wheel.h"
#include "http/exchange.h"
#include "net/shard.h"
#include "probe/limits.h"
#include "probe/query.h"

namespace sigway::probe {

/// Probes of one shard that last. Each goes when it is done, or when its client has gone.
/// Thread: the shard's; lifetime: until the shard's loop has ended.
class Jobs {
 public:
  using Permit = std::unique_ptr<Limits::Permit>;

  Jobs();
  ~Jobs();
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  /// Answers after `query.hold`, with nothing before.
  void hold(http::Exchange& exchange, net::Shard& shard, const Query& query, std::string answer,
            Permit permit);
  /// Streams `query.count` chunks.
  void stream(http::Exchange& exchange, net::Shard& shard, const Query& query, Permit permit);

 private:
  class Job;
  class Hold;
  class Stream;
  void run(http::Exchange& exchange, std::unique_ptr<Job> job);
  void remove(std::uint64_t serial);

  std::uint64_t next_ = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Job>> running_;
};

}  // namespace sigway::probe
