#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/scratch.h"
#include "dialects/dialect.h"
#include "session/hub.h"
#include "session/postmark.h"
#include "session/transit.h"

namespace sigway::bus {

/// Somebody that an event goes to.
struct Recipient {
  session::SessionId id;
  const dialects::Dialect* dialect = nullptr;
  std::string address;  ///< as the sender would write it in `to`; named when this recipient could
                        ///< not take more
};

/// Who is to hear that a message did not reach everybody. No id: nobody, the event is the server's
/// own.
struct Sender {
  session::SessionId id;
  dialects::Re re = 0;
  session::Origin origin = id.serial;
  /// Counts the message on its way; none: it is not counted. Valid during the call.
  session::Transit* transit = nullptr;
  /// Of a message to a name; none: of another one.
  std::shared_ptr<const session::Postmark> postmark = nullptr;
  /// The sender's share; none: it does not wait for what becomes of the message.
  std::shared_ptr<const session::Speaker> speaker = nullptr;
};

/// The way from a home (of rooms, of names) to sessions wherever they live. What one home sends
/// arrives at each session in the order in which it was sent. Thread: the home's shard.
class Outlet {
 public:
  Outlet(base::ShardIndex shard, session::Shared& shared, session::Runner& runner)
      : shard_(shard), shared_(shared), runner_(runner) {}

  /// One event to many: encoded once a dialect, handed over once a shard. If memory is short, it
  /// throws std::bad_alloc before it has told anybody, or ends those whom it could not tell: a
  /// session never misses an event. False: some of them end so. Recipients on other shards for whom
  /// there is no room in `sender.transit` are told nothing, and the sender hears `busy`.
  bool send(const dialects::Event& event, std::span<const Recipient> recipients,
            const Sender& sender = {});
  bool send(const dialects::Event& event, const Recipient& recipient, const Sender& sender = {}) {
    return send(event, std::span(&recipient, 1), sender);
  }
  /// The same for what one dialect's recipients get, which is encoded already.
  bool send(const dialects::EncodedEvent& event, const Recipient& recipient, const Sender& sender);
  /// `told` is called on this shard for each event with a postmark whose recipient had ended when
  /// it arrived there. Must be called before the first event.
  void when_undelivered(std::function<void(session::SessionId recipient, session::Unread)> told) {
    undelivered_ = std::move(told);
  }
  /// Asks the shard of a session for what was said to its name and not acknowledged. `answer` is
  /// called on this shard, never inline: after all calls for what this shard has sent to that
  /// session before, and after what the session, if it has ended, has handed over.
  void take_unread(session::SessionId id, std::string name,
                   std::function<void(session::UnreadMail)> answer);
  /// Tells a sender that its message was refused.
  void refuse(const Sender& sender, dialects::Error error);
  void settle(session::SessionId id, session::Settlement settlement);

  /// Memory was short for something that this session must hear: it ends at the end of the turn,
  /// and its end gives back what it has here.
  void end(session::SessionId id) noexcept;
  /// Runs `step` for a session in the turn of another one: if memory is short, the session ends.
  template <typename Step>
  void or_end(session::SessionId id, Step step) noexcept {
    try {
      step();
    } catch (const std::bad_alloc&) {
      end(id);
    }
  }
  base::TimePoint now() const { return runner_.now(); }
  /// Whether the server shuts down.
  bool draining() const noexcept { return shared_.hubs[shard_]->draining(); }
  session::Shared& shared() noexcept { return shared_; }
  /// The answer comes on this shard, never inline.
  void probe(session::SessionId id, session::Probe how, std::function<void(bool)> answer);

 private:
  using OneEncoded = std::pair<const dialects::Dialect*, dialects::EncodedEvent>;
  using Encoded = std::vector<OneEncoded>;
  /// Something for one session, on its way to the hub of its shard.
  struct Delivery {
    std::uint64_t serial;
    dialects::EncodedEvent event;
    std::string address;
  };
  using Deliveries = std::vector<Delivery>;

  bool send(const Encoded& encoded, std::span<const Recipient> recipients, const Sender& sender);
  void send_to(base::ShardIndex shard, Deliveries deliveries, const Sender& sender);
  void deliver(session::Hub& hub, base::ShardIndex shard, const Deliveries& deliveries,
               const Sender& sender);
  static std::size_t cost(const Deliveries& deliveries) noexcept;
  /// Runs `task(hub)` on the hub of that shard: inline if it is this one.
  template <typename Task>
  void at(base::ShardIndex shard, Task task) {
    auto* const hub = shared_.hubs[shard];
    if (shard == shard_) {
      task(*hub);
    } else {
      session::post(runner_, shard, [hub, task = std::move(task)]() mutable { task(*hub); });
    }
  }

  base::ShardIndex shard_;
  session::Shared& shared_;
  session::Runner& runner_;
  std::function<void(session::SessionId, session::Unread)> undelivered_;
  base::Scratch<OneEncoded> encoded_;
  base::Scratch<Delivery> deliveries_;  // on the own shard
};

}  // namespace sigway::bus
