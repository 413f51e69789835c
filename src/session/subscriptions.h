#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/memory_budget.h"

namespace sigway::session {

/// The topics that a session has subscribed to. Their bytes are counted here and for their homes,
/// which keep them as well. Thread: the session's shard.
class Subscriptions {
 public:
  explicit Subscriptions(base::MemoryHolder& holder)
      : share_(holder, base::MemoryPart::topics),
        topics_(std::make_shared<std::vector<std::string>>()) {}

  std::size_t size() const noexcept { return topics_->size(); }
  bool has(const std::string& topic) const noexcept {
    return std::binary_search(topics_->begin(), topics_->end(), topic);
  }
  /// It must not be there.
  void add(const std::string& topic) {
    topics_->insert(std::lower_bound(topics_->begin(), topics_->end(), topic), topic);
    share_.add(cost(topic));
  }
  /// It must be there.
  void remove(const std::string& topic) noexcept {
    topics_->erase(std::lower_bound(topics_->begin(), topics_->end(), topic));
    share_.subtract(cost(topic));
  }
  /// For the end of the session, which needs no copy of them.
  std::shared_ptr<const std::vector<std::string>> all() const noexcept { return topics_; }

 private:
  static constexpr std::size_t kRows = 384;  // here and at its home, as measured with short topics
  static std::size_t cost(const std::string& topic) noexcept { return 2 * topic.size() + kRows; }

  base::MemoryShare share_;
  const std::shared_ptr<std::vector<std::string>> topics_;  // sorted
};

}  // namespace sigway::session
