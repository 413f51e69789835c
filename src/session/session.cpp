#include "session/session.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/keyed_hash.h"
#include "base/reserve.h"
#include "session/hub.h"

namespace sigway::session {
namespace {

using dialects::Error;
using dialects::ErrorCode;

/// A sign of life as young as this answers a probe.
constexpr base::Duration kFreshSign = std::chrono::seconds(1);

/// The reason in `peer-left`.
std::string_view reason_for_peers(End end) {
  switch (end) {
    case End::left: return "left";
    case End::replaced: return "replaced";
    case End::timeout: return "timeout";
    default: return "closed";
  }
}

}  // namespace

Session::Session(Hub& hub, SessionId id, OpenContents contents)
    : base::MemoryHolder(hub.runner().ledger()),
      hub_(hub),
      contents_(std::move(contents)),
      tally_(hub.shared().tally(contents_.dialect)),
      outbox_(*this, hub.settings().outbox_limit, hub.outbox_spares()),
      inbox_(*this, hub.settings(), *contents_.dialect),
      carriers_(hub.settings()),
      memberships_(hub, id),
      commands_share_(*this, base::MemoryPart::inbox),
      heard_at_(hub.now()),
      opened_(hub.now()),
      absent_since_(hub.now()),
      timer_(base::Timer::calling<&Session::on_timer>(this)) {
  tally_.opened.fetch_add(1, std::memory_order_relaxed);
}

Session::~Session() = default;

void Session::begin(SessionId replaced) {
  if (replaced != id()) replaced_ = replaced;
  hub_.command_spares().lend(commands_);
  if (!contents_.name.empty())
    commands_.push_back({0, dialects::Command(dialects::Login{contents_.name})});
  if (!contents_.room.empty()) {
    std::optional<std::uint32_t> capacity;
    if (contents_.capacity != 0) capacity = contents_.capacity;
    commands_.push_back(
        {0, dialects::Command(dialects::Join{contents_.room, capacity, contents_.series})});
  }
  run_commands();
  schedule();
}

// -- Carriers

Session::OpenedCarrier Session::open_carrier(
    std::string_view name, const std::function<std::unique_ptr<Carrier>()>& make) {
  return carriers_.open(name, make, !traits().activates, hub_.now());
}

void Session::activate_with_attach(Carrier& carrier, std::uint64_t turn) {
  carriers_.activate(carrier, turn, hub_.now());
}

std::optional<Error> Session::activate(std::string_view name, std::uint64_t turn) {
  using Kind = CarrierSet::Activation::Kind;
  const auto [kind, carrier, is_fresh] = carriers_.activate(name, turn, hub_.now());
  switch (kind) {
    case Kind::unknown:
      return Error{.code = ErrorCode::carrier_mismatch,
                   .message = "No carrier of that name is attached, so it cannot be activated.",
                   .hint = "Attach it first, or name the carrier that is attached."};
    case Kind::ended: break;
    case Kind::standby: carrier->standby(carriers_.turn(), outbox_); break;
    case Kind::repeated: carrier->activated(carriers_.turn(), false, outbox_); break;
    case Kind::activated:
      carrier->activated(turn, is_fresh, outbox_);
      hub_.touch(*this);
      break;
  }
  return std::nullopt;
}

std::variant<std::uint64_t, Error> Session::cursor_for(std::optional<std::uint64_t> ack) const {
  if (ack.value_or(0) > outbox_.written())
    return Error{.code = ErrorCode::bad_cursor, .expected = outbox_.written()};
  return std::max(ack.value_or(0), outbox_.acknowledged());
}

void Session::carriers_changed() {
  if (ended_) return;
  // A poll that was answered at once has come and gone: the absence starts anew, or a client all of
  // whose polls find something would be taken for absent.
  absent_since_ = carriers_.any_connected() ? base::TimePoint::max() : hub_.now();
  set_suspended(false);
  if (drain_ != nullptr && drain_->until == base::TimePoint::max() && carriers_.any_connected())
    drain_->until = hub_.now() + drain_->patience;
  linger_ = traits().linger;
  carriers_.for_each(
      [this](const Carrier& carrier) { linger_ = std::max(linger_, carrier.linger()); });
  hub_.touch(*this);
  check_deadlines(hub_.now());
}

void Session::note_absence() {
  if (absent_since_ == base::TimePoint::max() && !carriers_.any_connected())
    absent_since_ = hub_.now();
}

void Session::detach(std::uint64_t connection) {
  if (ended_ || !carriers_.detach(connection)) return;
  note_absence();
  try {
    if (!carriers_.any_connected() && hub_.now() < overtaken_until_) set_suspended(true);
    check_deadlines(hub_.now());
  } catch (const std::bad_alloc&) {
    give_up();  // nobody else would see to its deadlines
  }
}

void Session::drained(std::string_view name) {
  auto* const carrier = carriers_.find(name);
  if (ended_ || carrier == nullptr) return;
  carrier->drained();
  hub_.touch(*this);
}

// -- Up

std::optional<Error> Session::process(Inputs inputs) {
  // Who says that it goes away does not show that it is there.
  if (!inputs.away) heard();
  if (inputs.ack) {
    if (auto error = take_ack(*inputs.ack, inputs.opening)) return error;
  }
  std::optional<Error> error;
  if (!inputs.messages.empty()) {
    if (refuses_messages(inputs.repeatable)) {
      error = draining();
    } else if (inputs.repeatable && budget().exceeded()) {
      error = Error{.code = ErrorCode::overloaded};
    } else {
      error = take_messages(std::move(inputs.messages), inputs.paced);
    }
    if (ended_) return error;
  }
  // A gap in the messages says nothing against the rest of the request.
  if (inputs.turn) {
    auto refused = activate(inputs.carrier, *inputs.turn);
    if (!error) error = std::move(refused);
  }
  if (inputs.hello) {
    if (auto* const carrier = carriers_.find(inputs.carrier))
      carrier->hello_confirmed(*inputs.hello);
  }
  if (inputs.away) {
    overtaken_until_ = hub_.now() + hub_.settings().suspend_after;
    set_suspended(true);
  }
  schedule();
  return error;
}

void Session::heard() {
  heard_at_ = hub_.now();
  carriers_.for_each([](Carrier& carrier) { carrier.heard(); });
  if (suspended_ && carriers_.any_connected() && hub_.now() >= overtaken_until_)
    set_suspended(false);
  answer_probes(true);
}

std::optional<Error> Session::take_ack(std::uint64_t ack, bool opening) {
  if (ack > outbox_.written())
    return Error{.code = ErrorCode::bad_cursor, .expected = outbox_.written()};
  outbox_.acknowledge(ack);
  if (drain_ != nullptr) hub_.touch(*this);
  if (!opening) acknowledged_ = true;
  acks_itself_ = true;
  return std::nullopt;
}

std::optional<Error> Session::take_messages(std::vector<dialects::Message> messages, bool paced) {
  const auto& settings = hub_.settings();
  if (commands_share_.bytes() > settings.waiting_bytes) {
    return Error{.code = ErrorCode::rate_limited,
                 .message =
                     "Too many messages wait for the answer to a join or login, or for "
                     "their turn because they are for many.",
                 .hint =
                     "Send more when the earlier ones have been answered or a second has "
                     "passed."};
  }
  const base::RateLimit limit{settings.message_rate, settings.message_burst};
  const auto count = std::min(static_cast<double>(messages.size()), limit.burst);
  if (!rate_.take(limit, count, hub_.now())) {
    if (!paced) return Error{.code = ErrorCode::rate_limited};
    rate_.overdraw(limit, count, hub_.now());
  }
  tally_.messages.fetch_add(messages.size(), std::memory_order_relaxed);
  hub_.command_spares().lend(commands_);
  const auto before = commands_.size();
  std::optional<Error> error;
  try {
    error = inbox_.offer(std::move(messages), commands_);
  } catch (const std::bad_alloc&) {
    // Some may count as taken, so a session that goes on could have lost one.
    commands_.erase(commands_.begin() + static_cast<std::ptrdiff_t>(before), commands_.end());
    give_up();
    return Error{.code = ErrorCode::overloaded};
  }
  run_commands();
  return error;
}

bool Session::takes_more() {
  if (ended_) return true;
  const base::RateLimit limit{hub_.settings().message_rate, hub_.settings().message_burst};
  const bool is_overdrawn = limit.per_second > 0 && rate_.ready_at(limit, 0) > hub_.now();
  holds_back_ = is_overdrawn || !commands_.empty();
  if (holds_back_) schedule();
  return !holds_back_;
}

base::TimePoint Session::takes_more_at() const {
  const base::RateLimit limit{hub_.settings().message_rate, hub_.settings().message_burst};
  if (limit.per_second <= 0) return base::TimePoint::min();
  // When some may come: to stop and start the reading for each message would cost more than it.
  const auto some = std::max(1.0, limit.per_second / 10);
  return rate_.ready_at(limit, std::min(some, limit.burst));
}

// -- Down

SendStatus Session::deliver(dialects::EncodedEvent event, Origin origin,
                            std::shared_ptr<const Postmark> postmark, Spoken spoken) {
  if (ended_ || overflowed_ || gives_up_) return SendStatus::absent;
  if (gave_up_on_client_ && postmark) return SendStatus::absent;  // its home sees to it
  if (gave_up_on_client_ && spoken.by) return SendStatus::draining;
  if (will_ != nullptr && event->voids_will_to != 0 &&
      base::keyed_hash(will_->name) == event->voids_will_to) {
    will_.reset();
  }
  auto status = SendStatus::sent;
  try {
    status = outbox_.push(std::move(event), origin, std::move(postmark), std::move(spoken));
  } catch (const std::bad_alloc&) {
    give_up();
    return SendStatus::absent;
  }
  if (status == SendStatus::full) {
    // Ended at the end of the turn: the room that is telling everybody must not lose a member on
    // the way.
    overflowed_ = true;
    hub_.touch(*this);
    return status;
  }
  if (status == SendStatus::sent) {
    tally_.events.fetch_add(1, std::memory_order_relaxed);
    hub_.touch(*this);
  }
  return status;
}

void Session::give_up() noexcept {
  if (ended_) return;
  gives_up_ = true;
  hub_.touch(*this);
}

void Session::refuse(dialects::Re re, Error error) {
  if (ended_ || overflowed_ || gives_up_) return;
  const auto event = contents_.dialect->encode(
      dialects::event::Refused{std::move(error), re, memberships_.name()});
  if (event != nullptr) deliver(event, 0);
}

void Session::probe(Probe how, std::function<void(bool)> answer) {
  if (suspended_ || ended_) return answer(false);
  if (how == Probe::look) return answer(true);
  if (!traits().answers_probes && carriers_.any_connected()) return answer(true);
  const auto now = hub_.now();
  const auto timeout = hub_.settings().probe_timeout;
  const auto fresh = std::min(kFreshSign, timeout / 4);
  // Without a connection nothing is written, and the client may have crashed just now.
  if (carriers_.any_connected() && now < proved_alive_at() + fresh) return answer(true);
  const bool first = probes_.empty();
  // Whoever asks waits for the answer: one that cannot be kept says that nothing is known.
  if (!base::try_from_reserve([&] { probes_.push_back(std::move(answer)); })) return answer(true);
  if (!first) return;
  // An idle client is silent for longer than the timeout between two heartbeats. It must have time
  // to answer, and a short stall must not cost its place.
  probe_deadline_ = std::max(heard_at_ + timeout, now + timeout / 2);
  asked_at_ = now;
  try {
    carriers_.for_each([](Carrier& carrier) { carrier.probe(); });
  } catch (const std::bad_alloc&) {
    give_up();  // it would lose its place for a question that it has not heard
  }
  hub_.touch(*this);
  schedule();
}

base::TimePoint Session::proved_alive_at() const noexcept {
  if (traits().resumes) return heard_at_;
  // The session ends, or gives its name back, with its connection. The client may have closed that
  // after its last sign of life, and the server may not have read the end yet: only the answer to a
  // probe shows that it is open.
  if (!probes_.empty() || heard_at_ < asked_at_) return base::TimePoint::min();
  return asked_at_;
}

void Session::answer_probes(bool alive) {
  probe_deadline_ = base::TimePoint::max();
  for (auto& answer : std::exchange(probes_, {})) answer(alive);
}

void Session::set_suspended(bool suspended) {
  if (suspended_ == suspended) return;
  suspended_ = suspended;
  tell_presence(rooms());
  if (suspended) answer_probes(false);
}

void Session::tell_presence(std::span<const std::string> rooms) {
  if (rooms.empty()) return;
  memberships_.tell_presence(rooms, suspended_);
  schedule();
}

void Session::end(End reason) noexcept {
  if (ended_) return;
  ended_ = true;
  timer_.cancel();
  if (!drained()) sent_away();
  UnreadMail unread;
  base::try_from_reserve([&] { unread = outbox_.take_unread(); });
  // First what gives memory back: it is needed now, and what follows may run out of it.
  outbox_.acknowledge(outbox_.last());
  inbox_.clear();
  if (!running_) drop_commands();
  hub_.bury(*this);
  if (traits().reuses_key) {
    hub_.shared().directory.forget(contents_.key, id());
  } else {
    hub_.shared().directory.end(contents_.key, reason, hub_.now());
  }
  if (contents_.counted) hub_.shared().addresses.subtract(contents_.address);
  hub_.shared().ends[static_cast<std::size_t>(reason)].fetch_add(1, std::memory_order_relaxed);
  tally_.ended.fetch_add(1, std::memory_order_relaxed);
  say_will();
  carriers_.for_each([&](Carrier& carrier) { carrier.end(reason, {}); });
  memberships_.end(reason_for_peers(reason), std::move(unread));
  answer_probes(false);
  base::try_from_reserve([&] { end_replaced(); });
}

void Session::pump() {
  if (ended_) return;
  if (overflowed_) return end(End::slow_consumer);
  if (gives_up_) return end(End::memory);
  std::optional<std::uint64_t> delivered;
  carriers_.for_each_receiver([&](Carrier& carrier) {
    carrier.pump(outbox_);
    // What acknowledges a while after it has heard would hold up a drain.
    if (traits().acknowledges || (acks_itself_ && drain_ == nullptr)) return;
    if (const auto sent = carrier.sent(outbox_))
      delivered = std::min(delivered.value_or(*sent), *sent);
  });
  // Of a small outbox a part: what is kept counts in the shares of those who have said it,
  // strangers among them, of whom one address has a sixteenth.
  if (delivered) {
    const auto replay =
        acks_itself_ ? 0 : std::min(traits().replay, hub_.settings().outbox_limit / 64);
    outbox_.trim(*delivered, replay);
  }
  // Writing may have answered a poll, or ended a stream that was written enough.
  note_absence();
  if (drain_ != nullptr) go_on_with_drain(delivered.value_or(0) >= outbox_.last());
  check_deadlines(hub_.now());
}

}  // namespace sigway::session
