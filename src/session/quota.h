#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace sigway::session {

/// Counts something for each key, with a limit, on all shards: sessions of an address, mailbox
/// messages of a sender. Striped locks; off the hot path. A key is a number of ours or a keyed
/// hash, never text that a client chose. Thread: any.
template <typename Key>
class Quota {
  static_assert(!std::is_convertible_v<Key, std::string_view>);

 public:
  /// A limit of 0 counts nothing and refuses nothing.
  explicit Quota(std::size_t limit) : limit_(limit) {}

  /// Adds all of it or nothing.
  bool try_add(const Key& key, std::size_t amount = 1) {
    if (limit_ == 0) return true;
    auto& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto entry = stripe.counts.try_emplace(key, 0).first;
    if (amount > limit_ - entry->second) {
      if (entry->second == 0) stripe.counts.erase(entry);
      return false;
    }
    entry->second += amount;
    return true;
  }

  void subtract(const Key& key, std::size_t amount = 1) {
    if (limit_ == 0) return;
    auto& stripe = stripe_of(key);
    const std::lock_guard lock(stripe.mutex);
    const auto entry = stripe.counts.find(key);
    if (entry != stripe.counts.end() && (entry->second -= amount) == 0) stripe.counts.erase(entry);
  }

  /// How many keys have a count; for tests.
  std::size_t size() const {
    std::size_t keys = 0;
    for (const auto& stripe : stripes_) {
      const std::lock_guard lock(stripe.mutex);
      keys += stripe.counts.size();
    }
    return keys;
  }

 private:
  struct Stripe {
    mutable std::mutex mutex;
    std::unordered_map<Key, std::size_t> counts;
  };

  Stripe& stripe_of(const Key& key) { return stripes_[std::hash<Key>{}(key) % stripes_.size()]; }

  std::size_t limit_;
  std::array<Stripe, 16> stripes_;
};

}  // namespace sigway::session
