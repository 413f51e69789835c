#include "session/stream_carrier.h"

#include <algorithm>
#include <array>
#include <utility>

namespace sigway::session {

void StreamCarrier::attach(std::uint64_t connection, std::unique_ptr<StreamSink> sink,
                           std::uint64_t cursor, base::Duration heartbeat, base::TimePoint now) {
  if (heartbeat > base::Duration{} &&
      (options_.heartbeat == base::Duration{} || heartbeat < options_.heartbeat)) {
    options_.heartbeat = heartbeat;
  }
  if (copies_.size() >= kMaxCopies) end_copy(0, End::stream_limit);
  if (copies_.empty()) {
    unanswered_ = 0;
    next_heartbeat_ =
        options_.heartbeat > base::Duration{} ? now + options_.heartbeat : base::TimePoint::max();
  }
  copies_.push_back({connection, std::move(sink), cursor, 0, now, 0, 0, cursor, 0});
}

bool StreamCarrier::detach(std::uint64_t connection) {
  return std::erase_if(copies_, [&](const Copy& copy) { return copy.connection == connection; }) !=
         0;
}

void StreamCarrier::pump(Outbox& outbox) {
  // Events go out in blocks through a buffer on the stack: they lie in the outbox in order, but not
  // as a span of events alone.
  std::array<dialects::EncodedEvent, 32> block;
  for (std::size_t i = 0; i < copies_.size();) {
    auto& copy = copies_[i];
    auto room = copy.sink->room();
    if (room != 0 && copy.cursor < outbox.acknowledged()) {
      // Another carrier was faster between this one's welcome and its first event. Where numbers
      // are only counted, the client must be told that some are left out.
      copy.cursor = outbox.acknowledged();
      copy.sink->heartbeat(copy.cursor + 1);
    }
    while (room != 0 && copy.cursor < outbox.last()) {
      const auto first = copy.cursor + 1;
      std::size_t count = 0;
      std::size_t bytes = 0;
      for (; count < block.size() && bytes < room && copy.cursor < outbox.last(); ++count) {
        block[count] = outbox.at(++copy.cursor);
        bytes += block[count]->size();
      }
      copy.bytes += bytes;
      copy.sink->events(first, std::span(block.data(), count));
      room = copy.sink->room();
    }
    outbox.mark_written(copy.cursor);
    if (options_.max_bytes != 0 && copy.bytes >= options_.max_bytes) {
      end_copy(i, End::stream_limit);
    } else {
      ++i;
    }
  }
}

void StreamCarrier::tell(Copy& copy, std::uint8_t control) {
  copy.owed |= control;
  settle(copy);
}

void StreamCarrier::settle(Copy& copy) {
  if (copy.owed == 0 || copy.sink->room() == 0) return;
  const auto owed = std::exchange(copy.owed, 0);
  const auto next = copy.cursor + 1;
  if ((owed & kActivated) != 0) copy.sink->activated(turn_, next);
  if ((owed & kStandby) != 0) copy.sink->standby(turn_, next);
  if ((owed & kHello) != 0) copy.sink->hello(copy.confirmed + 1);
  if ((owed & kProbe) != 0) copy.sink->probe();
}

void StreamCarrier::drained() {
  for (auto& copy : copies_) settle(copy);
}

void StreamCarrier::takes_more() {
  for (auto& copy : copies_) copy.sink->takes_more();
}

std::optional<std::uint64_t> StreamCarrier::sent(const Outbox& outbox) {
  std::optional<std::uint64_t> least;
  for (auto& copy : copies_) {
    const auto unsent = copy.sent < copy.cursor ? copy.sink->unsent() : 0;
    // What waits is at the end of what was written. It has the transport's framing as well, so that
    // this counts too little as sent, never too much.
    for (; copy.sent < copy.cursor; ++copy.sent) {
      const auto size = copy.sent < outbox.acknowledged() ? 0 : outbox.at(copy.sent + 1)->size();
      if (unsent != 0 && copy.sent_bytes + size + unsent > copy.bytes) break;
      copy.sent_bytes += size;
    }
    least = std::min(least.value_or(copy.sent), copy.sent);
  }
  return least;
}

void StreamCarrier::activated(std::uint64_t turn, bool fresh, Outbox& outbox) {
  turn_ = turn;
  for (auto& copy : copies_) {
    if (fresh) copy.cursor = std::max(copy.cursor, outbox.acknowledged());
    copy.owed &= static_cast<std::uint8_t>(~kStandby);
    tell(copy, kActivated);
  }
}

void StreamCarrier::standby(std::uint64_t turn, const Outbox&) {
  turn_ = turn;
  for (auto& copy : copies_) tell(copy, kStandby);
}

void StreamCarrier::hello_confirmed(std::uint64_t hello) {
  for (auto& copy : copies_) {
    if (hello <= copy.confirmed) continue;
    copy.confirmed = hello;
    tell(copy, kHello);
  }
}

void StreamCarrier::probe() {
  for (auto& copy : copies_) tell(copy, kProbe);
}

void StreamCarrier::end(End reason, base::Duration retry) {
  for (auto& copy : copies_) copy.sink->end(reason, retry);
  copies_.clear();
}

void StreamCarrier::end_copy(std::size_t index, End reason) {
  copies_[index].sink->end(reason, {});
  copies_.erase(copies_.begin() + static_cast<std::ptrdiff_t>(index));
}

base::TimePoint StreamCarrier::next_deadline() const {
  if (copies_.empty()) return base::TimePoint::max();
  auto deadline = next_heartbeat_;
  if (options_.max_age > base::Duration{}) {
    for (const auto& copy : copies_) deadline = std::min(deadline, copy.started + options_.max_age);
  }
  return deadline;
}

std::optional<End> StreamCarrier::on_timer(base::TimePoint now, Outbox&) {
  if (options_.max_age > base::Duration{}) {
    for (std::size_t i = 0; i < copies_.size();) {
      if (now - copies_[i].started >= options_.max_age) {
        end_copy(i, End::stream_limit);
      } else {
        ++i;
      }
    }
  }
  if (copies_.empty() || now < next_heartbeat_) return std::nullopt;
  // Judged just before the next heartbeat is written: with a patience of one, a peer that died
  // right after an answer is found before two intervals are over.
  if (options_.patience != 0 && unanswered_ >= options_.patience) return End::silent;
  // A connection that is full does not hear the heartbeat, so nobody is asked for an answer;
  // whether it still moves is judged by its write timeout.
  bool asked = false;
  for (auto& copy : copies_) {
    if (copy.sink->room() == 0) continue;
    asked = true;
    copy.sink->heartbeat(copy.cursor + 1);
  }
  if (asked) ++unanswered_;
  next_heartbeat_ = now + options_.heartbeat;
  return std::nullopt;
}

}  // namespace sigway::session
