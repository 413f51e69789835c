#pragma once

#include <cstddef>
#include <string>
#include <unordered_map>

#include "base/keyed_hash.h"
#include "bus/outlet.h"
#include "dialects/command.h"
#include "session/switchboard.h"

namespace sigway::bus {

/// The topics that live on one shard, and who has subscribed to them. A topic is there as long as
/// it has subscribers. It has no places to give away, and nobody hears who comes and goes; how many
/// topics a session has is bounded by its traits. What is published to one topic has one order for
/// all. Thread: its shard.
class Topics {
 public:
  explicit Topics(Outlet& outlet) : outlet_(outlet) {}

  void subscribe(const session::Caller& caller, const std::string& topic);
  /// Harmless if the session has not subscribed, or the topic lives elsewhere.
  void unsubscribe(session::SessionId id, const std::string& topic) noexcept;
  /// `transit` counts the message on its way to other shards.
  void publish(const session::Caller& caller, dialects::Publish message, dialects::Re re,
               session::Transit* transit);

  std::size_t size() const noexcept { return topics_.size(); }

 private:
  using Subscribers = std::unordered_map<session::SessionId, const dialects::Dialect*>;

  Outlet& outlet_;
  base::KeyedMap<Subscribers> topics_;
};

}  // namespace sigway::bus
