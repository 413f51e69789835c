#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address_key.h"
#include "base/memory_budget.h"
#include "base/rate_gate.h"
#include "base/timer_wheel.h"
#include "dialects/dialect.h"
#include "session/carrier.h"
#include "session/carrier_set.h"
#include "session/end.h"
#include "session/ids.h"
#include "session/inbox.h"
#include "session/key.h"
#include "session/memberships.h"
#include "session/outbox.h"
#include "session/switchboard.h"

namespace sigway::session {

class Hub;
struct Tally;

/// What a session is opened with. Two opens of one key must agree in all but `address`, `counted`
/// and `traits`.
struct OpenContents {
  KeyHash key;
  std::string room, name;      ///< empty: none
  std::uint32_t capacity = 0;  ///< 0: not said
  bool series = false;         ///< the room is a series of rooms (`Join::series`)
  KeyHash replaces;            ///< zero: nobody
  const dialects::Dialect* dialect = nullptr;
  const dialects::Traits* traits = nullptr;  ///< how its client behaves
  base::AddressKey address;                  ///< the client's
  /// This request counted the session for the limit by address. Of several that open at once one
  /// does, and not always the first to arrive.
  bool counted = false;

  bool agrees_with(const OpenContents& other) const noexcept {
    return room == other.room && name == other.name && capacity == other.capacity &&
           series == other.series && replaces == other.replaces && dialect == other.dialect;
  }
};

/// What came with a request beside its identity, in the order in which it acts.
struct Inputs {
  std::optional<std::uint64_t> ack;
  std::vector<dialects::Message> messages;
  std::string carrier;                 ///< the one that `turn` and `hello` mean
  std::optional<std::uint64_t> turn;   ///< activate
  std::optional<std::uint64_t> hello;  ///< the hello that is confirmed
  bool away = false;
  bool opening = false;  ///< it came with `open`: its `ack` proves no round trip
  /// The client hears whether its messages were taken, and sends them again if they were not: an
  /// upload. Frames of a WebSocket cannot be given back.
  bool repeatable = false;
  /// The connection is read no faster than its messages may come (`Session::takes_more`): none is
  /// refused for the message rate.
  bool paced = false;
};

/// A client's session: identity, both numberings, its carriers, its presence. It belongs to no
/// transport and knows none by name. The rules are docs/protocol.md, chapters "Opening and
/// resuming" to "Presence".
///
/// Thread: its shard. Lifetime: owned by the `Hub`; an ended session stays in memory until the end
/// of the loop's turn, so that a call that ends it may return through it.
class Session final : public base::MemoryHolder {
 public:
  Session(Hub& hub, SessionId id, OpenContents contents);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Starts what `open` asked for: the name, then the room. `replaced` is the living session of
  /// `contents.replaces`.
  void begin(SessionId replaced);

  SessionId id() const noexcept { return memberships_.id(); }
  const std::string& peer() const noexcept { return memberships_.peer(); }
  const OpenContents& contents() const noexcept { return contents_; }
  const dialects::Traits& traits() const noexcept { return *contents_.traits; }
  /// It has shown itself to be another kind of client, from now on.
  void behave_as(const dialects::Traits& traits) noexcept {
    contents_.traits = &traits;
    acks_itself_ = false;
  }
  /// The session has been counted for this address, and is to be counted down there.
  void counted_for(base::AddressKey address) noexcept {
    contents_.address = address;
    contents_.counted = true;
  }
  bool ended() const noexcept { return ended_; }
  /// Where it has a place.
  const std::vector<std::string>& rooms() const noexcept { return memberships_.rooms(); }

  // -- Carriers. Transports call these, each for its own kind of carrier.

  using CarrierEnded = CarrierSet::Ended;
  using OpenedCarrier = CarrierSet::Opened;

  /// The carrier of that name, made by `make` if it is new. Attaching displaces nothing.
  OpenedCarrier open_carrier(std::string_view name,
                             const std::function<std::unique_ptr<Carrier>()>& make);

  /// The carrier of that name, or none.
  Carrier* find_carrier(std::string_view name) noexcept { return carriers_.find(name); }

  /// Whether the carrier gets the events now.
  bool receives(const Carrier& carrier) const noexcept { return carriers_.receives(carrier); }

  /// Activation as part of an attach: as by `turn` in `process`, but the carrier hears of it by its
  /// welcome.
  void activate_with_attach(Carrier& carrier, std::uint64_t turn);

  /// Where a connection that quotes `ack` starts, or `bad_cursor`.
  std::variant<std::uint64_t, dialects::Error> cursor_for(std::optional<std::uint64_t> ack) const;

  /// To be called when a connection of a carrier has come, a poll was parked, answered or refused:
  /// somebody is there, or was a moment ago.
  void carriers_changed();

  /// A connection is gone. Harmless if its carrier is gone already, or never knew it.
  void detach(std::uint64_t connection);

  std::uint64_t turn() const noexcept { return carriers_.turn(); }
  std::uint64_t up() const noexcept { return inbox_.up(); }
  Outbox& outbox() noexcept { return outbox_; }
  /// It has asked for a room or a name, and that is not decided yet.
  bool awaits_bus() const noexcept { return waiting_ || !commands_.empty(); }
  /// Runs the commands that were left for a later turn.
  void go_on();

  // -- Up.

  /// Takes what a request brought. An error says that the request was refused at that point: what
  /// acts before it has acted.
  std::optional<dialects::Error> process(Inputs inputs);

  /// After `process` with messages that are `paced`: whether the connection may be read on. If not,
  /// `Carrier::takes_more` says when: what it said has been done, and the message rate has been
  /// kept.
  bool takes_more();

  /// Any sign of life: a request with the key, a pong.
  void heard();

  // -- Down. From the bus, by way of the hub.

  /// `absent`: the session is about to end, and the event has no number.
  /// `draining`: it is a message, and nothing that others say reaches its client any more.
  SendStatus deliver(dialects::EncodedEvent event, Origin origin,
                     std::shared_ptr<const Postmark> postmark = nullptr, Spoken spoken = {});
  /// What was said to that name and is not acknowledged, once. What was said to other names of the
  /// session goes back to their homes. Throws std::bad_alloc, and changes nothing, if memory is
  /// short.
  UnreadMail take_unread(const std::string& name);
  /// Tells that session which of its messages are not acknowledged. See `Hub::report_unread`.
  void report_unread(const Speaker& speaker) noexcept;
  /// A message was refused.
  void refuse(dialects::Re re, dialects::Error error);
  void settle(const Settlement& settlement);

  /// Asks for a sign of life. `answer(true)` at the first one, at once if a connected client gave
  /// one in the last second, so that however many ask, it is probed at most once a second. Of a
  /// client that cannot resume, only the answer to a probe counts as one.
  /// `answer(false)` when the client has been silent for the probe timeout, half of which it has
  /// after the probe; at once when the session is suspended or ends. Called on this shard, possibly
  /// at once.
  void probe(Probe how, std::function<void(bool)> answer);

  /// The connection of a stream carrier has room again, after its sink said that it had none.
  void drained(std::string_view name);

  /// Ends the session: carriers, places, name, key.
  /// Gives back all that it has, also while memory is short; throws nothing.
  void end(End reason) noexcept;

  /// Memory was short for what it must hear, or must do: it ends at the end of the turn.
  void give_up() noexcept;

  void give_up_memory() override { end(End::memory); }
  base::AddressKey memory_owner() const noexcept override { return contents_.address; }

  /// The server shuts down. From now on the session takes no message of a client that would send it
  /// again: `process` returns `draining`. The members of its rooms drain as well. Once everything
  /// that was said in its rooms and to its name has been acknowledged, every carrier is told to
  /// come back after `retry`, if the client is connected then. What the client has not acknowledged
  /// after `patience` is given up: whoever has said it hears so. The same patience again the
  /// session waits for what it is told of its own messages.
  void drain(base::Duration patience, base::Duration retry);
  /// The server shuts down, and this session's turn is to come. If its client is away for as long
  /// as a drain waits, what was said to it is given up before.
  void server_drains() { schedule(); }
  /// Whether the carriers have been told: one that was between two polls is told at its next.
  bool drained() const noexcept { return drain_ != nullptr && drain_->is_over; }
  /// To be asked before a connection gets any events: whether it is to be told that the session is
  /// draining, and no more.
  bool turns_away();
  /// What a request hears that a draining session does not take. `expected` is final: no message
  /// from there on was taken, or will be.
  dialects::Error draining() const;

  /// The hub's list of ended sessions, which needs no memory.
  void keep_buried(std::unique_ptr<Session> next) noexcept { next_buried_ = std::move(next); }
  std::unique_ptr<Session> take_buried() noexcept { return std::move(next_buried_); }

  bool marked_dirty() const noexcept { return dirty_; }
  void mark_dirty(bool dirty) noexcept { dirty_ = dirty; }

  /// Writes what the carriers that receive have not written. Called by the hub at the end of the
  /// turn.
  void pump();

 private:
  struct Drain {
    base::Duration patience{}, retry{};
    base::TimePoint until;     // max: nobody is connected, so there is nobody to tell
    bool has_asked = false;    // rooms and name know that nothing follows
    bool has_refused = false;  // what waited for its turn until the end
    bool has_waited = false;   // for what becomes of its own messages
    bool is_absent = false;    // nobody is there to be sent away
    base::TimePoint look_at = base::TimePoint::max();  // whether its own messages are settled
    std::vector<std::string> awaited;  // those that have not said that everything is delivered
    bool is_over = false;
  };

  /// Notes since when nobody is there, if that is so.
  void note_absence();
  std::optional<dialects::Error> activate(std::string_view name, std::uint64_t turn);
  std::optional<dialects::Error> take_ack(std::uint64_t ack, bool opening);
  std::optional<dialects::Error> take_messages(std::vector<dialects::Message> messages, bool paced);
  base::TimePoint takes_more_at() const;

  /// Runs commands in order, until one has to wait for its result, or the rest for its turn.
  void run_commands();
  /// Whether a command to so many must wait, when `told` have been told in this call.
  bool must_pause(std::size_t recipients, std::size_t told);
  void drop_commands();
  /// Its client has said something that has not been said to others yet.
  bool has_more_to_say() const noexcept;
  void run(dialects::Command command, dialects::Re re);
  void say(dialects::Say message, dialects::Re re);
  void publish(dialects::Publish message, dialects::Re re);
  void reply(dialects::Reply reply);
  void keep_will(dialects::Will will);
  void say_will() noexcept;
  Caller caller() const;
  /// Whether it is of no use without that name.
  bool needs_name(std::string_view name) const noexcept;
  /// Once name and place have passed on to this session, ends the one that it replaces.
  void end_replaced();
  void set_suspended(bool suspended);
  /// Passes on to these rooms whether it is suspended, or sees to it that they hear later.
  void tell_presence(std::span<const std::string> rooms);
  void answer_probes(bool alive);
  /// The last time at which it is known that the client was there.
  base::TimePoint proved_alive_at() const noexcept;

  bool refuses_messages(bool repeatable) const noexcept;
  /// Tells the room, or the name, that nothing follows, and waits for its answer.
  void drain_room(const std::string& room);
  void drain_name();
  /// The room or name has delivered everything, or is no longer the session's.
  void drained_from(const std::string& room_or_name);
  /// Goes one step on. `all_sent`: a client that acknowledges nothing has been sent everything.
  void go_on_with_drain(bool all_sent);
  void end_drain();
  void drain_time_over();
  /// False: nothing waits.
  bool refuse_waiting();
  /// When it does, because its client is away while the server drains.
  base::TimePoint gives_up_at() const noexcept;
  /// Nothing of what others have said or will say reaches its client any more: they hear so.
  void give_up_on_client() noexcept;
  void report(const std::shared_ptr<const Speaker>& speaker, dialects::Re re,
              const std::string& to) noexcept;
  void sent_away() noexcept;

  void on_timer();
  void check_deadlines(base::TimePoint now);
  base::TimePoint next_deadline() const;
  /// Sees to it that `on_timer` is called in time. Cheap: an early call finds nothing to do and
  /// schedules anew.
  void schedule();

  Hub& hub_;
  OpenContents contents_;
  Tally& tally_;

  Outbox outbox_;
  Inbox inbox_;
  base::RateGate rate_;

  CarrierSet carriers_;
  Memberships memberships_;

  std::vector<Taken> commands_;  // taken, and waiting for `waiting_` to settle or `go_on`
  base::MemoryShare commands_share_;
  bool waiting_ = false;
  bool running_ = false;
  bool holds_back_ = false;                            // until `Carrier::takes_more`
  bool paused_ = false;                                // until `go_on`
  base::TimePoint go_on_at_ = base::TimePoint::max();  // while `paused_` by the rate

  SessionId replaced_;  // while it lives on
  std::unique_ptr<dialects::Will> will_;

  std::vector<std::function<void(bool)>> probes_;
  base::TimePoint probe_deadline_ = base::TimePoint::max();
  base::TimePoint asked_at_ = base::TimePoint::min();  // the last probe
  base::TimePoint heard_at_;                           // the last sign of life

  base::TimePoint opened_;
  base::TimePoint absent_since_;  // max: somebody is there
  // What the page sent before its `away` may come in after it until then.
  base::TimePoint overtaken_until_ = base::TimePoint::min();
  base::Duration linger_{};
  base::TimePoint timer_at_ = base::TimePoint::max();
  base::Timer timer_;

  std::unique_ptr<Drain> drain_;

  std::unique_ptr<Session> next_buried_;

  bool acknowledged_ = false;  // at least once, by a request after the opening one
  bool acks_itself_ = false;   // though its traits do not say so
  bool suspended_ = false;
  bool overflowed_ = false;
  bool gives_up_ = false;
  bool gave_up_on_client_ = false;
  bool ended_ = false;
  bool dirty_ = false;  // in the hub's list of those that have something to write
};

}  // namespace sigway::session
