#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/flow.h"
#include "dialects/payload.h"
#include "net/connection.h"
#include "net/shard.h"

namespace sigway::websocket {

/// What a WebSocket and its session know of each other when they live on two shards: how much is on
/// its way in each direction. Thread: any.
struct Flow {
  base::Flow down;                       ///< what the session writes
  std::atomic<std::size_t> messages{0};  ///< passed on, and not taken by the session yet
  std::atomic<std::size_t> bytes{0};     ///< of those messages
  std::atomic<bool> stalled{false};      ///< the connection waits for the session to take some
};

/// The way to a WebSocket from any shard: an id, not a pointer. Harmless when the connection is
/// gone. Thread: any; what one thread sends keeps its order.
class Port {
 public:
  /// Bytes in all that a session may have waiting: less than what stops the reading of a
  /// connection.
  static constexpr std::size_t kQueue = base::Flow::kQueue;
  /// Messages on their way to another shard, and their bytes, beyond which no more are read.
  static constexpr std::size_t kMostMessages = 64;
  static constexpr std::size_t kMostBytes = 256U << 10U;

  /// `flow` is null where connection and session share a shard.
  Port(net::Shard& shard, net::ConnectionId id, std::shared_ptr<Flow> flow)
      : shard_(&shard), id_(id), flow_(std::move(flow)) {}

  /// Bytes that the connection still takes. 0: `Receiver::drained` follows when there is room.
  std::size_t room() const;
  /// Bytes that were sent and that the kernel has not taken. If there are any, `Receiver::drained`
  /// follows when it has taken all.
  std::size_t unsent() const;
  void send(dialects::Frame::Kind kind, base::Bytes bytes) const;
  void send_text(base::Bytes text) const { send(dialects::Frame::Kind::text, std::move(text)); }
  /// The frames of one event, in order.
  void send(const std::shared_ptr<const dialects::Frame>& frames) const;
  void count_noise() const;
  /// The session has taken one message of that size.
  void message_taken(std::size_t bytes) const;
  /// Nothing more is read until `resume_reading`, or `close`. The peer's answers to pings neither.
  void pause_reading() const;
  void resume_reading() const;
  void ping(std::string_view payload = {}) const;
  /// There is no memory for what should be said: cuts the connection.
  void abort() const noexcept;
  void close(std::uint16_t code, std::string_view reason) const;

 private:
  template <typename Action>
  void act(Action action) const;

  net::Shard* shard_;
  net::ConnectionId id_;
  std::shared_ptr<Flow> flow_;
};

}  // namespace sigway::websocket
