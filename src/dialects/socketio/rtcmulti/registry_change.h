#pragma once

#include <list>
#include <string>
#include <utility>
#include <vector>

#include "socketio_rtcmulti/registry.h"

/// Private to the registry.
namespace sigway::dialects::socketio::rtcmulti {

/// What others hear of a change. It is made before the change, so that nothing fails in the midst
/// of that.
class Registry::Change {
 public:
  explicit Change(Notices& out) : out_(out) {}

  void add(std::string event, std::string arguments, std::vector<std::string> to) {
    if (to.empty()) return;
    news_.push_back({std::move(event), std::move(arguments), std::move(to)});
  }
  /// What a user had to say who cannot say it any more.
  void add_unsaid(const User& user) {
    for (const auto& unsaid : user.unsaid)
      news_.insert(news_.end(), unsaid.notices.begin(), unsaid.notices.end());
  }

  /// To be called after the last `add`; nothing fails after that. `is_kept`: until they are said.
  void prepare(bool is_kept = true) {
    if (news_.empty()) return;
    if (is_kept) kept_.push_back({0, news_});
    out_.all.reserve(out_.all.size() + news_.size());
  }
  void commit(Registry& registry, User* keeper) noexcept {
    out_.ticket = 0;
    for (auto& notice : news_) out_.all.push_back(std::move(notice));
    if (keeper == nullptr || kept_.empty()) return;
    out_.ticket = kept_.front().ticket = ++registry.last_ticket_;
    keeper->unsaid.splice(keeper->unsaid.end(), kept_);
    registry.recount(*keeper);
  }

 private:
  Notices& out_;
  std::vector<Notice> news_;
  std::list<Unsaid> kept_;
};

/// Takes back the first steps of a change if a later one fails.
template <typename Step>
class Undo {
 public:
  explicit Undo(Step step) : step_(std::move(step)) {}
  ~Undo() {
    if (is_armed_) step_();
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void dismiss() noexcept { is_armed_ = false; }

 private:
  Step step_;
  bool is_armed_ = true;
};

// -- Bytes

template <typename Entry>
void Registry::release(Entry& entry) noexcept {
  const auto counted = std::exchange(entry.counted, 0);
  budget_.release(base::MemoryPart::registry, counted);
  bytes_ -= counted;
  entry.account->bytes -= counted;
}

template <typename Entry>
void Registry::recount(Entry& entry) noexcept {
  const auto cost = cost_of(entry);
  budget_.charge(base::MemoryPart::registry, cost);
  bytes_ += cost;
  entry.account->bytes += cost;
  release(entry);
  entry.counted = cost;
}

}  // namespace sigway::dialects::socketio::rtcmulti
