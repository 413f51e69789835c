// How a session goes when the server shuts down: it takes no more messages, waits until everything
// that was said to it has arrived and all that it has said has been settled, and only then sends
// its client away. So each message is delivered, or its sender knows that it was not.

#include <algorithm>
#include <utility>

#include "base/reserve.h"
#include "session/hub.h"
#include "session/session.h"

namespace sigway::session {
namespace {

/// How often a session looks whether all that it has said is settled.
constexpr base::Duration kLook = std::chrono::milliseconds(20);

}  // namespace

void Session::drain(base::Duration patience, base::Duration retry) {
  if (ended_) return;
  if (drain_ == nullptr) {
    drain_ = std::make_unique<Drain>();
    drain_->until = base::TimePoint::max();
  } else if (drain_->is_over || drain_->patience <= patience) {
    return;
  }
  drain_->patience = patience;
  drain_->retry = retry;
  drain_->until = std::min(drain_->until, hub_.now() + patience);
  hub_.touch(*this);
  schedule();
}

dialects::Error Session::draining() const {
  return {.code = dialects::ErrorCode::draining, .expected = inbox_.up() + 1};
}

bool Session::refuses_messages(bool repeatable) const noexcept {
  // The frames of other clients cannot be given back: they are taken to the last.
  return (drain_ != nullptr || gave_up_on_client_) && (repeatable || traits().acknowledges);
}

void Session::drain_room(const std::string& room) {
  drain_->awaited.push_back(room);
  hub_.switchboard().drain_room(id(), room);
}

void Session::drain_name() {
  drain_->awaited.push_back('@' + memberships_.name());
  hub_.switchboard().drain_name(id(), memberships_.name());
}

void Session::drained_from(const std::string& room_or_name) {
  if (drain_ == nullptr) return;
  std::erase(drain_->awaited, room_or_name);
  hub_.touch(*this);
}

void Session::go_on_with_drain(bool all_sent) {
  if (ended_ || awaits_bus()) return;  // what it has said is done first
  if (!std::exchange(drain_->has_asked, true)) {
    for (const auto& room : rooms()) drain_room(room);
    if (!memberships_.name().empty()) drain_name();
  }
  if (drain_->is_over || !drain_->awaited.empty()) return;
  if (traits().acknowledges ? outbox_.acknowledged() != outbox_.last() : !all_sent) return;
  if (memberships_.is_settled()) return end_drain();
  // The last share of what it has said is given back on any shard, and nobody says so.
  drain_->look_at = hub_.now() + kLook;
  schedule();
}

// Messages that were taken and still wait would vanish without a word.
bool Session::refuse_waiting() {
  if (commands_.empty() || std::exchange(drain_->has_refused, true)) return false;
  for (auto& taken : std::exchange(commands_, {}))
    refuse(taken.re, {.code = dialects::ErrorCode::draining});
  commands_share_.set(0);
  drain_->until = hub_.now() + drain_->patience;  // for its client to hear so
  hub_.touch(*this);
  return true;
}

void Session::drain_time_over() {
  if (refuse_waiting()) return;
  give_up_on_client();
  if (!memberships_.is_settled() && !std::exchange(drain_->has_waited, true)) {
    // Those in its rooms give up at about the same time, and say so. Those to whose names it has
    // spoken are asked.
    const auto& hubs = hub_.shared().hubs;
    for (base::ShardIndex shard = 0; shard < hubs.size(); ++shard) {
      base::try_from_reserve([&] {
        post(hub_.runner(), shard, [hub = hubs[shard], speaker = memberships_.speaker()] {
          hub->report_unread(*speaker);
        });
      });
    }
    drain_->until = hub_.now() + drain_->patience;
    return hub_.touch(*this);
  }
  end_drain();
}

void Session::end_drain() {
  drain_->until = base::TimePoint::max();
  // Whoever is away, or between two polls, may come before the server has gone, and is told then.
  if (!carriers_.any_connected() && drain_->patience > base::Duration{}) {
    if (!std::exchange(drain_->is_absent, true)) hub_.absent();
    return;
  }
  // What its client is told of its own messages may have come in this very turn.
  carriers_.for_each_receiver([this](Carrier& carrier) { carrier.pump(outbox_); });
  sent_away();
  drain_->is_over = true;
  carriers_.for_each([this](Carrier& carrier) { carrier.end(End::draining, drain_->retry); });
  note_absence();
}

void Session::sent_away() noexcept {
  hub_.told(drain_ != nullptr && std::exchange(drain_->is_absent, false));
}

base::TimePoint Session::gives_up_at() const noexcept {
  // A session that cannot resume ends soon without a client.
  if (!hub_.draining() || gave_up_on_client_ || !traits().resumes ||
      absent_since_ == base::TimePoint::max())
    return base::TimePoint::max();
  return std::max(absent_since_, hub_.drain_from()) + hub_.drain_patience();
}

void Session::give_up_on_client() noexcept {
  if (std::exchange(gave_up_on_client_, true)) return;
  UnreadMail unread;
  base::try_from_reserve([&] { unread = outbox_.take_unread(); });
  std::vector<Spoken> unheard;
  base::try_from_reserve([&] { unheard = outbox_.take_unheard(); });
  for (const auto& spoken : unheard) report(spoken.by, spoken.re, peer());
  memberships_.hand_over_names(std::move(unread));
}

void Session::report_unread(const Speaker& speaker) noexcept {
  if (outbox_.acknowledged() == outbox_.last()) return;
  std::vector<std::shared_ptr<const Postmark>> unread;
  base::try_from_reserve([&] { unread = outbox_.take_unread_of(speaker); });
  for (const auto& mark : unread) report(mark->speaker, mark->re, '@' + mark->name);
}

void Session::report(const std::shared_ptr<const Speaker>& speaker, dialects::Re re,
                     const std::string& to) noexcept {
  auto* const hub = hub_.shared().hubs[speaker->id.shard];
  base::try_from_reserve([&] {
    post(hub_.runner(), speaker->id.shard, [hub, speaker, re, to] {
      hub->refuse(speaker->id.serial, re, not_taken(SendStatus::draining, to));
    });
  });
}

bool Session::turns_away() {
  if (drained()) return true;
  if (!gave_up_on_client_ || ended_ || carriers_.any_connected()) return false;
  // Nothing waits for its client any more, which goes at once and takes its rooms along.
  drain(hub_.drain_patience(), kDrainRetry);
  sent_away();
  drain_->is_over = true;
  return true;
}

}  // namespace sigway::session
