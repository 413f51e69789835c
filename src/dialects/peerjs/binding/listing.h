#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/shard_index.h"
#include "binding/context.h"
#include "http/exchange.h"

namespace sigway::dialects::peerjs {

/// The ids of the clients that are connected, for whoever asks for all of them. An id is in it as
/// long as its `Entry` lives, on the shard of its session. So it holds an entry for each session at
/// the most, and needs no lock.
class Listing {
 public:
  /// Bytes of one answer. Ids beyond it are left out.
  static constexpr std::size_t kMostBytes = 256U << 10U;
  /// Requests that are gathering ids. More are refused: what they hold is in no account.
  static constexpr int kMostRequests = 32;

  explicit Listing(std::size_t shards) : ids_(shards) {}
  ~Listing() = default;
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;

  /// Thread: that shard.
  class Entry {
   public:
    Entry(Listing& listing, base::ShardIndex shard, std::string id)
        : ids_(listing.ids_[shard]), place_(ids_.insert(std::move(id))) {}
    ~Entry() { ids_.erase(place_); }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

   private:
    std::multiset<std::string>& ids_;
    const std::multiset<std::string>::iterator place_;
  };

  /// Answers with the ids of all shards, `["…","…"]`, in any order. An id that passes from one
  /// session to another just then may be there twice. Thread: the shard that accepted the request.
  void answer(binding::Context& context, http::Exchange& exchange);

 private:
  struct Gathering;

  void gather(const std::shared_ptr<Gathering>& gathering, base::ShardIndex shard) const;

  std::atomic<int> requests_{0};

  // By shard. A client's earlier connection may have its entry for a moment yet.
  std::vector<std::multiset<std::string>> ids_;
};

}  // namespace sigway::dialects::peerjs
