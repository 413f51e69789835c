#include "client/lines.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sigway::client {
namespace {

// Without an answer, after which an upload may be waiting.
constexpr Duration kUnsentLeast{400}, kUnsentUnknown{1500};
// A request on a new connection takes two round trips, with TLS one or two more.
constexpr int kUnsentTrips = 4;
constexpr int kProofs = 2, kLargestSlack = 16;
constexpr Duration kLeastHold{100};

}  // namespace

Lines::Lines(Scheduler& scheduler, Cadence& cadence, LinesHost& host)
    : scheduler_(scheduler),
      cadence_(cadence),
      host_(host),
      retry_(scheduler),
      poll_(scheduler),
      late_(scheduler) {}

bool Lines::is_free() const {
  return places_.value_or(1) > 0 && (!cadence_.single() || (uploads_.empty() && !polls_));
}

Duration Lines::usual() const {
  const auto trip = host_.least_round_trip();
  return trip ? std::max(kUnsentLeast, kUnsentTrips * *trip) : kUnsentUnknown;
}

Duration Lines::patience() const { return slack_ * usual(); }

void Lines::began(Network::Id upload) {
  if (places_) --*places_;
  const auto now = scheduler_.now();
  uploads_.emplace(upload, Upload{.began = now, .due = now + patience()});
}

void Lines::ended(Network::Id upload, bool answered) {
  const auto node = uploads_.extract(upload);
  if (node.empty()) return;
  // Beside a poll that is held: there is more than one connection.
  if (answered && polls_ && scheduler_.now() < node.mapped().due) proofs_ = 0;
  // Where answers take longer than that nothing needs to be called off again and again.
  if (answered && scheduler_.now() < node.mapped().began + usual()) slack_ = 1;
  if (retry_.is_set()) {
    if (answered) retry_ended(true);
  } else if (next_poll_ && uploads_.empty()) {
    poll_.set(Duration(0), std::exchange(next_poll_, {}));
  } else {
    free();
  }
}

// When whoever is told of the upload's end has returned.
void Lines::free() {
  if (!poll_.is_set()) poll_.set(Duration(0), [this] { host_.may_upload_again(); });
}

bool Lines::may_poll(bool came_slowly, Scheduler::Task again) {
  const bool is_new = !places_;
  if (cadence_.single()) {
    if (is_new) {
      places_ = 1;
      host_.may_upload_again();
    }
    if (uploads_.empty()) return true;
    next_poll_ = std::move(again);
    return false;
  }
  const auto is_late = [this](const auto& upload) { return upload.second.due <= scheduler_.now(); };
  if (came_slowly) begin_anew();
  if (!is_new || std::none_of(uploads_.begin(), uploads_.end(), is_late)) return true;
  places_ = 1;
  alone_ = !host_.has_stream();
  next_poll_ = std::move(again);
  retry_.set(usual(), [this] { retry_ended(false); });
  call_off_until(scheduler_.now());
  return false;
}

// On a slow line they stood behind that answer. One can have been before each of them, not several.
void Lines::begin_anew() {
  const auto due = scheduler_.now() + patience();
  for (auto& [id, upload] : uploads_) {
    if (std::exchange(upload.is_behind, true)) continue;
    upload.due = std::max(upload.due, due);
  }
}

void Lines::retry_ended(bool helped) {
  retry_.stop();
  if (alone_) proofs_ = helped ? proofs_ + 1 : 0;
  if (proofs_ >= kProofs) host_.learned(cadence_.served_singly());
  poll_.set(Duration(0), std::exchange(next_poll_, {}));
}

Duration Lines::hold() const {
  auto hold = Duration::max();
  for (const auto& [id, upload] : uploads_)
    hold = std::min(hold, std::chrono::duration_cast<Duration>(upload.due - scheduler_.now()));
  return std::max(kLeastHold, hold);
}

void Lines::polled(bool carries) {
  if (carries) {
    late_.stop();
    polls_ = true;
  }
  places_.reset();
  if (!cadence_.single()) free();
}

void Lines::poll_answered() {
  polls_ = false;
  free();
}

void Lines::polling_ended() {
  polls_ = false;
  places_.reset();
  next_poll_ = {};
  retry_.stop();
  poll_.stop();
  if (!uploads_.empty())
    late_.set(patience(), [this, ended = scheduler_.now()] { call_off_until(ended); });
  free();
}

void Lines::stop() {
  uploads_.clear();
  next_poll_ = {};
  for (auto* timer : {&retry_, &poll_, &late_}) timer->stop();
}

void Lines::call_off_until(Time began) {
  std::vector<Network::Id> waiting;
  for (const auto& [id, upload] : uploads_) {
    if (upload.began <= began) waiting.push_back(id);
  }
  if (waiting.empty()) return;
  slack_ = std::min(kLargestSlack, 2 * slack_);
  for (const auto id : waiting) uploads_.erase(id);
  for (const auto id : waiting) host_.call_off(id);
  host_.may_upload_again();
}

}  // namespace sigway::client
