#include "session/directory.h"

#include "base/reserve.h"

namespace sigway::session {

Directory::Found Directory::found(const Stripe& stripe, const KeyHash& key) {
  const auto entry = stripe.entries.find(key);
  if (entry == stripe.entries.end()) return {};
  if (!entry->second.id) return {State::ended, {}, entry->second.reason, false};
  return {State::live, entry->second.id, {}, false};
}

Directory::Found Directory::find(const KeyHash& key, base::TimePoint now) {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  forget_old(stripe, now);
  return found(stripe, key);
}

Directory::Found Directory::find_or_insert(const KeyHash& key, base::ShardIndex home,
                                           base::TimePoint now) {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  forget_old(stripe, now);
  if (const auto existing = found(stripe, key); existing.state != State::unknown) return existing;
  const SessionId id{home, next_serial_.fetch_add(1, std::memory_order_relaxed)};
  stripe.entries.emplace(key, Entry{id});
  return {State::live, id, {}, true};
}

bool Directory::is_live(const KeyHash& key, SessionId id) {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto entry = stripe.entries.find(key);
  return entry != stripe.entries.end() && entry->second.id == id;
}

void Directory::set_made(const KeyHash& key, SessionId id) noexcept {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto entry = stripe.entries.find(key);
  if (entry != stripe.entries.end() && entry->second.id == id) entry->second.is_made = true;
}

void Directory::forget_unmade(const KeyHash& key, SessionId id) noexcept {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto entry = stripe.entries.find(key);
  if (entry != stripe.entries.end() && entry->second.id == id && !entry->second.is_made)
    stripe.entries.erase(entry);
}

void Directory::end(const KeyHash& key, End reason, base::TimePoint now) noexcept {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto entry = stripe.entries.find(key);
  if (entry == stripe.entries.end() || !entry->second.id) return;
  if (!base::try_from_reserve([&] { stripe.ended.push_back(key); })) {
    stripe.entries.erase(entry);
    return;
  }
  entry->second = Entry{{}, now, reason};
  forget_old(stripe, now);
}

void Directory::forget(const KeyHash& key, SessionId id) noexcept {
  auto& stripe = stripe_of(key);
  const std::lock_guard lock(stripe.mutex);
  const auto entry = stripe.entries.find(key);
  if (entry != stripe.entries.end() && entry->second.id == id) stripe.entries.erase(entry);
}

void Directory::forget_old(Stripe& stripe, base::TimePoint now) const {
  while (!stripe.ended.empty()) {
    const auto entry = stripe.entries.find(stripe.ended.front());
    if (stripe.ended.size() <= limit_ && now - entry->second.ended < memory_) return;
    stripe.entries.erase(entry);
    stripe.ended.pop_front();
  }
}

std::size_t Directory::live() const {
  std::size_t count = 0;
  for (const auto& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    count += stripe.entries.size() - stripe.ended.size();
  }
  return count;
}

std::size_t Directory::remembered() const {
  std::size_t count = 0;
  for (const auto& stripe : stripes_) {
    const std::lock_guard lock(stripe.mutex);
    count += stripe.ended.size();
  }
  return count;
}

}  // namespace sigway::session
