// How a session goes when the server shuts down: it takes no more messages, waits until everything
// that was said to it has arrived, and only then sends its client away. So each message is
// delivered, or its sender knows that it was not taken.

#include <algorithm>
#include <utility>

#include "session/hub.h"
#include "session/session.h"

namespace sigway::session {

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
  return drain_ != nullptr && (repeatable || traits().acknowledges);
}

void Session::drain_room(const std::string& room) {
  drain_->awaited.push_back(room);
  hub_.switchboard().drain_room(id_, room);
}

void Session::drain_name() {
  drain_->awaited.push_back('@' + name_);
  hub_.switchboard().drain_name(id_, name_);
}

void Session::drained_from(const std::string& room_or_name) {
  if (drain_ == nullptr) return;
  std::erase(drain_->awaited, room_or_name);
  hub_.touch(*this);
}

void Session::go_on_with_drain(bool all_sent) {
  if (ended_ || drain_->is_over || awaits_bus()) return;  // what it has said is done first
  if (!std::exchange(drain_->has_asked, true)) {
    for (const auto& room : rooms_) drain_room(room);
    if (!name_.empty()) drain_name();
  }
  if (!drain_->awaited.empty()) return;
  const bool acknowledges = traits().acknowledges || acks_itself_;
  if (acknowledges ? outbox_.acknowledged() == outbox_.last() : all_sent) end_drain();
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

void Session::end_drain() {
  if (refuse_waiting()) return;
  drain_->until = base::TimePoint::max();
  // Whoever is away, or between two polls, may come before the server has gone, and is told then.
  if (!any_connected() && drain_->patience > base::Duration{}) return;
  drain_->is_over = true;
  hub_.told();
  for (auto& slot : slots_) slot.carrier->end(End::draining, drain_->retry);
  note_absence();
}

}  // namespace sigway::session
