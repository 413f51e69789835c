#include "session/outbox.h"

#include <algorithm>

namespace sigway::session {

SendStatus Outbox::push(dialects::EncodedEvent event, std::uint64_t sender) {
  const auto size = cost(event);
  auto entry = std::find_if(senders_.begin(), senders_.end(),
                            [&](const auto& s) { return s.sender == sender; });
  if (sender != 0) {
    const auto held = entry == senders_.end() ? 0 : entry->bytes;
    if (held + size > limit_ / 2 || share_.budget().exceeded()) return SendStatus::busy;
  }
  if (share_.bytes() + size > limit_) return SendStatus::full;
  if (entry == senders_.end()) {
    senders_.push_back({sender, size});
  } else {
    entry->bytes += size;
  }
  share_.add(size);
  events_.push_back({std::move(event), sender});
  return SendStatus::sent;
}

void Outbox::acknowledge(std::uint64_t number) {
  number = std::min(number, last());
  while (acknowledged_ < number) {
    auto& kept = events_[head_];
    const auto size = cost(kept.event);
    share_.subtract(size);
    const auto entry = std::find_if(senders_.begin(), senders_.end(),
                                    [&](const auto& s) { return s.sender == kept.sender; });
    entry->bytes -= size;
    if (entry->bytes == 0) {
      *entry = senders_.back();
      senders_.pop_back();
    }
    kept.event.reset();
    ++head_;
    ++acknowledged_;
  }
  if (head_ == events_.size()) {
    // An idle session holds nothing; a chatting one keeps a small buffer instead of allocating for
    // each event.
    if (events_.capacity() > 8) {
      events_ = {};
    } else {
      events_.clear();
    }
    head_ = 0;
  } else if (head_ > events_.size() / 2) {
    events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

}  // namespace sigway::session
