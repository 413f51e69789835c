#pragma once

#include <cstdint>
#include <memory>

#include "base/memory_budget.h"
#include "socketio/application.h"

/// The server of RTCMultiConnection 3.4 and later (npm rtcmulticonnection-server 1.3), an
/// application on Socket.IO. docs/dialects/rtcmulticonnection.md is the norm here.
///
/// A user holds the name `rtcmulti\n<userid>` of the bus, and hears by it what others, and the
/// server, say to it. Who is there and which rooms there are is in a `Registry`.
namespace sigway::dialects::socketio::rtcmulti {

const Dialect& dialect() noexcept;

class Registry;

class RtcmultiApplication final : public Application {
 public:
  /// `budget` outlives it; at most `room_capacity` users are in a room.
  RtcmultiApplication(base::MemoryBudget& budget, std::uint32_t room_capacity);

  const Dialect& dialect() const noexcept override { return rtcmulti::dialect(); }
  bool claims(const Query& query) const override;
  bool reads_query() const noexcept override { return true; }
  bool has_space(std::string_view space) const noexcept override { return space == "/"; }
  std::unique_ptr<Socket> connect(const Connect& connect) const override;
  void taken(std::string_view peer, std::uint64_t receipt) const noexcept override;

  const Registry& registry() const noexcept { return *registry_; }

 private:
  // Sessions hold it, too, until they have left.
  const std::shared_ptr<Registry> registry_;
};

}  // namespace sigway::dialects::socketio::rtcmulti
