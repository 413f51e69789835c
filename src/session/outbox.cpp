#include "session/outbox.h"

#include <algorithm>
#include <utility>

namespace sigway::session {

bool Outbox::takes(Origin origin, std::size_t held, std::size_t size) const noexcept {
  if (!origin.is_mail()) return held + size <= limit_ / 2;
  return (mail_bytes_ == 0 || mail_bytes_ + size <= limit_ / 8) &&
         (held == 0 || held + size <= limit_ / 16);
}

// The budget may be exceeded by others, for the moment until one of their holders has ended: that
// must not make a small message to a client that keeps up `busy`.
bool Outbox::budget_allows(std::size_t size) const noexcept {
  const auto& budget = share_.budget();
  return !budget.exceeded() || (share_.bytes() + size <= kSmall && !budget.exhausted());
}

SendStatus Outbox::push(dialects::EncodedEvent event, Origin origin,
                        std::shared_ptr<const Postmark> postmark, Spoken spoken) {
  Kept kept{std::move(event), origin, std::move(postmark), std::move(spoken)};
  // Shares are of what was said: what we note of it takes none of them.
  const auto size = cost(kept.event);
  auto entry = std::find_if(origins_.begin(), origins_.end(),
                            [&](const auto& o) { return o.origin == origin; });
  if (!origin.is_server()) {
    const auto held = entry == origins_.end() ? 0 : entry->bytes;
    if (!takes(origin, held, size)) return SendStatus::busy;
    if (!budget_allows(size)) return SendStatus::overloaded;
  }
  if (!origin.is_mail() && said_in_rooms_ + size > limit_) return SendStatus::full;
  // First what may fail, then what is counted.
  if (entry == origins_.end()) entry = origins_.insert(origins_.end(), {origin, 0});
  const auto counted = cost(kept);
  spares_.lend(events_);
  events_.push_back(std::move(kept));
  share_.add(counted);
  entry->bytes += size;
  (origin.is_mail() ? mail_bytes_ : said_in_rooms_) += size;
  return SendStatus::sent;
}

void Outbox::acknowledge(std::uint64_t number) {
  number = std::min(number, last());
  while (acknowledged_ < number) {
    auto& kept = events_[head_];
    const auto size = cost(kept.event);
    share_.subtract(cost(kept));
    if (acknowledged_ < trimmed_) kept_weight_ -= weight(kept.event);
    (kept.origin.is_mail() ? mail_bytes_ : said_in_rooms_) -= size;
    const auto entry = std::find_if(origins_.begin(), origins_.end(),
                                    [&](const auto& o) { return o.origin == kept.origin; });
    entry->bytes -= size;
    if (entry->bytes == 0) {
      *entry = origins_.back();
      origins_.pop_back();
    }
    kept.event.reset();
    kept.postmark.reset();
    kept.spoken.by.reset();
    ++head_;
    ++acknowledged_;
  }
  if (head_ == events_.size()) {
    spares_.take_back(events_);
    head_ = 0;
  } else if (head_ > events_.size() / 2) {
    events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

UnreadMail Outbox::take_unread() {
  UnreadMail unread;
  const auto from =
      static_cast<std::size_t>(std::max({acknowledged_, trimmed_, taken_}) - acknowledged_);
  for (auto i = head_ + from; i < events_.size(); ++i) {
    if (events_[i].postmark) unread.push_back({events_[i].event, events_[i].postmark});
  }
  // After what may fail. What becomes of them is for their home to see to from now on.
  for (auto i = head_ + from; i < events_.size(); ++i) {
    if (events_[i].postmark) settle(events_[i]);
  }
  taken_ = last();
  return unread;
}

std::vector<std::shared_ptr<const Postmark>> Outbox::take_unread_of(const Speaker& speaker) {
  std::vector<std::shared_ptr<const Postmark>> unread;
  const auto is_its = [&](const Kept& kept) {
    return kept.postmark && kept.postmark->speaker.get() == &speaker;
  };
  unread.reserve(static_cast<std::size_t>(
      std::count_if(events_.begin() + static_cast<std::ptrdiff_t>(head_), events_.end(), is_its)));
  for (auto i = head_; i < events_.size(); ++i) {
    if (!is_its(events_[i])) continue;
    unread.push_back(events_[i].postmark);
    settle(events_[i]);
  }
  return unread;
}

std::vector<Spoken> Outbox::take_unheard() {
  std::vector<Spoken> unheard;
  const auto from = static_cast<std::size_t>(std::max(acknowledged_, trimmed_) - acknowledged_);
  const auto is_unheard = [](const Kept& kept) { return kept.spoken.by != nullptr; };
  const auto first = events_.begin() + static_cast<std::ptrdiff_t>(head_ + from);
  unheard.reserve(static_cast<std::size_t>(std::count_if(first, events_.end(), is_unheard)));
  for (auto kept = first; kept != events_.end(); ++kept) {
    if (is_unheard(*kept)) unheard.push_back(std::move(kept->spoken));
  }
  return unheard;
}

void Outbox::settle(Kept& kept) noexcept {
  if (kept.postmark) share_.subtract(kept.postmark->size());
  kept.postmark.reset();
  kept.spoken.by.reset();
}

// Without a least weight, any number of empty events would be kept, until the outbox is full of
// them.
void Outbox::trim(std::uint64_t number, std::size_t keep) {
  number = std::min(number, last());
  // Asked in every turn, so nothing that is kept is counted again.
  for (trimmed_ = std::max(trimmed_, acknowledged_); trimmed_ < number;) {
    kept_weight_ += weight(at(++trimmed_));
    settle(events_[head_ + static_cast<std::size_t>(trimmed_ - acknowledged_ - 1)]);
  }
  auto from = acknowledged_;
  for (auto left = kept_weight_; left > keep;) left -= weight(at(++from));
  acknowledge(from);
}

}  // namespace sigway::session
