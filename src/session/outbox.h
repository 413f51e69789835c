#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "base/spares.h"
#include "dialects/event.h"
#include "session/ids.h"
#include "session/postmark.h"
#include "session/send_status.h"
#include "session/spoken.h"

namespace sigway::session {

/// All about what a session has been told and has not acknowledged: numbers, bytes, who filled it.
/// An event gets its number here, and stays until `acknowledge` reaches it; that a transport took
/// its bytes means nothing. Thread: the session's shard.
class Outbox {
  struct Kept {
    dialects::EncodedEvent event;
    Origin origin;
    std::shared_ptr<const Postmark> postmark;  // none: it did not come by name
    Spoken spoken;                             // nobody's: it did not come from a room
  };

 public:
  /// Memory for what outboxes of one shard hold; an empty one holds none.
  using Spares = base::Spares<Kept, 64, 8>;

  /// `spares` outlive it.
  Outbox(base::MemoryHolder& holder, std::size_t limit, Spares& spares)
      : share_(holder, base::MemoryPart::outbox), limit_(limit), spares_(spares) {}
  ~Outbox() { spares_.take_back(events_); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Gives the event the next number. Mail has a share of its own, an eighth of the limit in all
  /// and a sixteenth of one address, beside the limit: it is `busy` beyond that, never `full`, and
  /// takes no room from what members of common rooms say. One letter always fits.
  /// `postmark`: of a message to the session's name.
  /// `spoken`: of a message in a room.
  SendStatus push(dialects::EncodedEvent event, Origin origin,
                  std::shared_ptr<const Postmark> postmark = nullptr, Spoken spoken = {});

  /// Forgets the events up to `number`. Lower than before: ignored.
  void acknowledge(std::uint64_t number);

  /// The events up to `number` were sent to a client that acknowledges nothing: forgets them, but
  /// for the latest `keep` bytes. An event counts as 64 bytes at the least.
  void trim(std::uint64_t number, std::size_t keep);

  /// Notes that the events up to `number` were written to some carrier, so that they may be
  /// acknowledged.
  void mark_written(std::uint64_t number) noexcept {
    if (number > written_) written_ = number;
  }

  /// What was said to names of the session and is not acknowledged; of a client that acknowledges
  /// nothing, what was not sent. In order, each once. Throws std::bad_alloc, and changes nothing,
  /// if memory is short.
  UnreadMail take_unread();
  /// The postmarks of what that session has said to names and is not acknowledged. What becomes of
  /// it later nobody hears.
  std::vector<std::shared_ptr<const Postmark>> take_unread_of(const Speaker& speaker);
  /// As `take_unread`, of what was said in rooms.
  std::vector<Spoken> take_unheard();

  std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  std::uint64_t written() const noexcept { return written_; }
  std::uint64_t last() const noexcept { return acknowledged_ + events_.size() - head_; }
  std::size_t bytes() const noexcept { return share_.bytes(); }

  /// The event with that number, which must be after `acknowledged()` and not after `last()`.
  const dialects::EncodedEvent& at(std::uint64_t number) const noexcept {
    return events_[head_ + static_cast<std::size_t>(number - acknowledged_ - 1)].event;
  }

 private:
  struct OriginBytes {
    Origin origin;
    std::size_t bytes = 0;
  };

  bool budget_allows(std::size_t size) const noexcept;
  bool takes(Origin origin, std::size_t held, std::size_t size) const noexcept;
  static std::size_t cost(const dialects::EncodedEvent& event) noexcept {
    return event->size() + kOverhead;
  }
  static std::size_t cost(const Kept& kept) noexcept {
    return cost(kept.event) + (kept.postmark ? kept.postmark->size() : 0);
  }
  static std::size_t weight(const dialects::EncodedEvent& event) noexcept {
    return std::max(event->size(), kLeastWeight);
  }
  /// Nothing can become of it any more that its sender would have to hear.
  void settle(Kept& kept) noexcept;
  static constexpr std::size_t kSmall = 16U << 10U;
  static constexpr std::size_t kOverhead = 88;  // the entry, its part of the shared block
  static constexpr std::size_t kLeastWeight = 64;

  base::MemoryShare share_;
  std::size_t limit_;
  Spares& spares_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t trimmed_ = 0;    // the last that `trim` was told of
  std::uint64_t taken_ = 0;      // the last that `take_unread` has seen
  std::size_t kept_weight_ = 0;  // of the events up to that one
  // A queue without the 512 bytes that an empty std::deque costs: consumed from `head_`, moved down
  // when half is consumed.
  std::vector<Kept> events_;
  std::size_t head_ = 0;
  std::vector<OriginBytes> origins_;
  std::size_t mail_bytes_ = 0;     // without postmarks
  std::size_t said_in_rooms_ = 0;  // and by the server
};

}  // namespace sigway::session
