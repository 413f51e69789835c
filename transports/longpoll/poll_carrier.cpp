#include "longpoll/poll_carrier.h"

#include <algorithm>
#include <new>
#include <utility>

namespace sigway::longpoll {

using session::End;
using session::Outbox;

template <typename Make>
void PollCarrier::answer_all(Make make) noexcept {
  for (auto& parked : std::exchange(parked_, {})) {
    try {
      parked.reply->answer(make(parked));
    } catch (const std::bad_alloc&) {
      parked.reply->abandon();
    }
  }
}

PollCarrier::Begun PollCarrier::begin(std::optional<std::uint64_t> n, std::uint64_t cursor) {
  const auto number = n.value_or(n_ + 1);
  if (number < n_) return Begun::stale;
  if (number == n_) return Begun::copy;
  answer_all([this](const Parked&) { return empty(); });
  n_ = number;
  cursor_ = std::max(cursor_, cursor);
  answered_ = false;
  last_ = 0;
  activated_.reset();
  standby_.reset();
  probe_ = gathers_ = false;
  return Begun::fresh;
}

void PollCarrier::finish(std::unique_ptr<PollReply> reply, std::uint64_t connection,
                         std::string welcome, bool at_once, base::TimePoint deadline,
                         Outbox& outbox) {
  const bool gathering = is_gathering();
  if (!answered_ && !gathering && session_.receives(*this)) choose_range(outbox);
  if (answered_ || at_once || (!gathering && (last_ != 0 || activated_ || standby_ || probe_))) {
    answered_ = true;
    reply->answer(answer(welcome, outbox));
    answer_parked(outbox);
    return;
  }
  if (parked_.size() >= kMaxCopies) {
    reply->answer(empty());
    return;
  }
  if (parked_.empty()) deadline_ = deadline;
  parked_.push_back({connection, std::move(reply), std::move(welcome)});
}

void PollCarrier::choose_range(Outbox& outbox) {
  cursor_ = std::max(cursor_, outbox.acknowledged());
  std::size_t bytes = 0;
  for (auto number = cursor_ + 1; number <= outbox.last() && bytes < kMaxAnswerBytes; ++number) {
    bytes += outbox.at(number)->size();
    last_ = number;
  }
  outbox.mark_written(last_);
}

std::string PollCarrier::answer(std::string_view welcome, const Outbox& outbox) {
  // What has been acknowledged since is gone, and whoever asks again has it.
  const auto first = std::max(cursor_, outbox.acknowledged()) + 1;
  std::vector<dialects::EncodedEvent> events;
  for (auto number = first; number <= last_; ++number) events.push_back(outbox.at(number));
  return encode_({.first = first,
                  .events = events,
                  .up = session_.up(),
                  .welcome = welcome,
                  .activated = activated_,
                  .standby = standby_,
                  .probe = probe_});
}

void PollCarrier::answer_parked(const Outbox& outbox) {
  answered_ = true;
  answer_all([&](const Parked& parked) { return answer(parked.welcome, outbox); });
}

std::string PollCarrier::empty() const {
  return encode_({.first = cursor_ + 1, .up = session_.up()});
}

std::string PollCarrier::ended(End reason, base::Duration retry, const session::Session& session,
                               const EncodeAnswer& encode) {
  const auto& row = session::info(reason);
  const auto retry_ms = std::chrono::duration_cast<std::chrono::milliseconds>(retry).count();
  return encode(
      {.up = session.up(),
       .ended = PollAnswer::Ended{row.name, row.sentence, static_cast<std::uint64_t>(retry_ms),
                                  reason == End::draining}});
}

bool PollCarrier::detach(std::uint64_t connection) {
  return std::erase_if(parked_,
                       [&](const Parked& parked) { return parked.connection == connection; }) != 0;
}

void PollCarrier::pump(Outbox& outbox) {
  if (parked_.empty() || is_gathering()) return;
  choose_range(outbox);
  if (last_ != 0) answer_parked(outbox);
}

void PollCarrier::activated(std::uint64_t turn, bool, Outbox&) {
  activated_ = turn;
  answer_soon();
}

void PollCarrier::standby(std::uint64_t turn, const Outbox&) {
  standby_ = turn;
  answer_soon();
}

void PollCarrier::probe() {
  if (parked_.empty()) return;  // the next poll is a sign of life anyway
  probe_ = true;
  answer_soon();
}

void PollCarrier::answer_soon() {
  // By the session's timer, which looks at the deadline after every call into the carrier.
  deadline_ = {};
}

void PollCarrier::end(End reason, base::Duration retry) {
  for (auto& parked : std::exchange(parked_, {})) {
    try {
      parked.reply->over(reason, ended(reason, retry, session_, encode_));
    } catch (const std::bad_alloc&) {
      parked.reply->abandon();
    }
  }
}

std::optional<End> PollCarrier::on_timer(base::TimePoint, Outbox& outbox) {
  if (gathers_ && session_.receives(*this)) choose_range(outbox);
  answer_parked(outbox);
  return std::nullopt;
}

}  // namespace sigway::longpoll
