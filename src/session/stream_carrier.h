#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "session/carrier.h"

namespace sigway::session {

/// One connection that runs a stream: the end that a streaming transport implements. Calls write,
/// in order, and never call back. It may stand for a connection on another shard.
class StreamSink {
 public:
  virtual ~StreamSink() = default;

  /// How many bytes the connection still takes before its queue is long enough. 0: nothing but
  /// `end` is to be written now, and the transport calls `Session::drained` once there is room.
  virtual std::size_t room() = 0;

  /// Bytes that were written and that the kernel has not taken. If there are any, the transport
  /// calls `Session::drained` once it has taken all. Asked only for clients that acknowledge
  /// nothing.
  virtual std::size_t unsent() = 0;

  /// Events `first`, `first`+1, …
  virtual void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) = 0;
  virtual void activated(std::uint64_t turn, std::uint64_t next) = 0;
  virtual void standby(std::uint64_t turn, std::uint64_t next) = 0;
  virtual void hello(std::uint64_t which) = 0;
  virtual void heartbeat(std::uint64_t next) = 0;
  virtual void probe() = 0;
  /// The session takes messages again, after `Session::takes_more` was false.
  virtual void takes_more() {}
  /// Throws nothing: without memory for the words it cuts the connection.
  virtual void end(End reason, base::Duration retry) = 0;
};

struct StreamOptions {
  base::Duration heartbeat{};
  int patience = 0;  ///< unanswered heartbeats until the carrier ends as `silent`; 0: it may be
                     ///< silent for ever
  base::Duration max_age{};   ///< of one connection; 0: no limit
  std::size_t max_bytes = 0;  ///< of one connection; 0: no limit
};

/// A carrier for transports that push. Holds a cursor a connection: a stream that a proxy has
/// requested twice runs twice, since nobody can know which of the two the client sees.
class StreamCarrier : public Carrier {
 public:
  static constexpr std::size_t kMaxCopies = 4;

  explicit StreamCarrier(const StreamOptions& options) : options_(options) {}

  /// Adds a connection that has the events up to `cursor`. `connection` names it for `detach`.
  /// Beyond four copies the oldest ends.
  void attach(std::uint64_t connection, std::unique_ptr<StreamSink> sink, std::uint64_t cursor,
              base::Duration heartbeat, base::TimePoint now);

  bool detach(std::uint64_t connection) override;
  bool connected() const override { return !copies_.empty(); }
  void pump(Outbox& outbox) override;
  void activated(std::uint64_t turn, bool fresh, Outbox& outbox) override;
  void standby(std::uint64_t turn, const Outbox& outbox) override;
  void hello_confirmed(std::uint64_t hello) override;
  void probe() override;
  void heard() override { unanswered_ = 0; }
  void drained() override;
  void takes_more() override;
  void end(End reason, base::Duration retry) override;
  base::TimePoint next_deadline() const override;
  std::optional<End> on_timer(base::TimePoint now, Outbox& outbox) override;
  std::optional<std::uint64_t> sent(const Outbox& outbox) override;

 private:
  struct Copy {
    std::uint64_t connection;
    std::unique_ptr<StreamSink> sink;
    std::uint64_t cursor;
    std::size_t bytes;
    base::TimePoint started;
    std::uint64_t confirmed;  ///< the highest hello that the client has confirmed
    std::uint8_t owed = 0;    ///< controls that wait for room, a bit each
    // For clients that acknowledge nothing: what the kernel has taken, in events and in bytes.
    std::uint64_t sent = 0;
    std::size_t sent_bytes = 0;
  };
  static constexpr std::uint8_t kActivated = 1, kStandby = 2, kHello = 4, kProbe = 8;

  /// Writes the control, or notes that the copy is owed it: what is asked for while the queue is
  /// full is said once, when there is room.
  void tell(Copy& copy, std::uint8_t control);
  void settle(Copy& copy);

  void end_copy(std::size_t index, End reason);

  StreamOptions options_;
  std::vector<Copy> copies_;
  std::uint64_t turn_ = 0;  ///< the latest to be told
  int unanswered_ = 0;
  base::TimePoint next_heartbeat_ = base::TimePoint::max();
};

}  // namespace sigway::session
