#pragma once

#include <functional>
#include <utility>

#include "net/shard.h"
#include "session/hub.h"

namespace sigway {

/// The sessions' view of a net::Shard. Thread: that shard's.
class ShardRunner final : public session::Runner {
 public:
  ShardRunner(const net::Shards& shards, base::ShardIndex index)
      : shards_(shards), shard_(*shards[index]) {}

  /// Set once, before the shards run.
  void serve(session::Hub& hub) {
    shard_.set_turn_end([&hub] { hub.flush(); });
  }

  void run_on(base::ShardIndex shard, std::function<void()> task) override {
    shards_[shard]->post(std::move(task));
  }

  void request_flush() noexcept override { shard_.request_turn_end(); }

  base::TimePoint now() const override { return shard_.now(); }
  base::TimerWheel& wheel() override { return shard_.wheel(); }
  base::MemoryLedger& ledger() override { return shard_.ledger(); }

 private:
  const net::Shards& shards_;
  net::Shard& shard_;
};

}  // namespace sigway
