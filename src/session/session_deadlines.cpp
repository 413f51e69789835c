// What a session does when a time has come: one timer for the soonest of its deadlines.

#include <algorithm>
#include <new>

#include "session/hub.h"
#include "session/session.h"

namespace sigway::session {

base::TimePoint Session::next_deadline() const {
  const auto& settings = hub_.settings();
  auto deadline = std::min({probe_deadline_, memberships_.tells_presence_at(), go_on_at_});
  const auto consider = [&](base::TimePoint time) { deadline = std::min(deadline, time); };
  if (holds_back_ && commands_.empty()) consider(takes_more_at());
  if (!acknowledged_ && traits().acknowledges) consider(opened_ + settings.ack_deadline);
  if (drain_ != nullptr && !drain_->is_over) consider(std::min(drain_->until, drain_->look_at));
  consider(gives_up_at());
  if (absent_since_ != base::TimePoint::max()) {
    if (!traits().resumes && !has_more_to_say()) consider(absent_since_ + linger_);
    if (!suspended_) consider(absent_since_ + settings.suspend_after);
    consider(absent_since_ + settings.resume_window);
  }
  consider(carriers_.next_deadline());
  return deadline;
}

void Session::schedule() {
  if (ended_) return;
  const auto deadline = next_deadline();
  if (deadline >= timer_at_ && timer_.is_scheduled()) return;
  timer_at_ = deadline;
  if (deadline == base::TimePoint::max()) {
    timer_.cancel();
  } else {
    hub_.runner().wheel().schedule(timer_, deadline);
  }
}

void Session::on_timer() {
  timer_at_ = base::TimePoint::max();
  try {
    check_deadlines(hub_.now());
  } catch (const std::bad_alloc&) {
    give_up();  // no timer would look at it again
  }
}

void Session::check_deadlines(base::TimePoint now) {
  const auto& settings = hub_.settings();
  if (!acknowledged_ && traits().acknowledges && now >= opened_ + settings.ack_deadline)
    return end(End::no_ack);
  if (drain_ != nullptr && !drain_->is_over) {
    if (now >= drain_->look_at) {
      drain_->look_at = base::TimePoint::max();
      hub_.touch(*this);
    }
    if (now >= drain_->until) drain_time_over();
  }
  if (now >= gives_up_at()) give_up_on_client();
  if (now >= probe_deadline_) answer_probes(false);
  if (now >= go_on_at_) go_on();
  if (ended_) return;
  if (holds_back_ && commands_.empty() && now >= takes_more_at()) {
    holds_back_ = false;
    carriers_.for_each([](Carrier& carrier) { carrier.takes_more(); });
  }
  if (carriers_.check(now, outbox_)) note_absence();
  if (absent_since_ != base::TimePoint::max()) {
    // What it has said is said first.
    if (!traits().resumes && !has_more_to_say() && now >= absent_since_ + linger_)
      return end(End::left);
    if (now >= absent_since_ + settings.resume_window) return end(End::timeout);
    if (now >= absent_since_ + settings.suspend_after) set_suspended(true);
  }
  if (now >= memberships_.tells_presence_at()) memberships_.tell_late_presence(suspended_);
  schedule();
}

}  // namespace sigway::session
