#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_map>
#include <utility>

namespace sigway::session {

/// Sessions that had ended when a connection came for them, and the ones that it found instead, by
/// their serials. Holds nothing for a session that has ended itself. Thread: the hub's.
class Successors {
 public:
  /// Throws std::bad_alloc, and changes nothing, if memory is short.
  void add(std::uint64_t ended, std::uint64_t successor) {
    const auto inserted = rows_.insert({successor, ended});
    try {
      by_ended_[ended] = successor;
    } catch (...) {
      if (inserted.second) rows_.erase(inserted.first);
      throw;
    }
  }
  /// 0: none.
  std::uint64_t of(std::uint64_t ended) const noexcept {
    const auto entry = by_ended_.find(ended);
    return entry == by_ended_.end() ? 0 : entry->second;
  }
  /// That session has ended, or was never made.
  void forget(std::uint64_t successor) noexcept {
    auto row = rows_.lower_bound({successor, 0});
    while (row != rows_.end() && row->first == successor) {
      by_ended_.erase(row->second);
      row = rows_.erase(row);
    }
  }
  std::size_t size() const noexcept { return by_ended_.size(); }

 private:
  std::unordered_map<std::uint64_t, std::uint64_t> by_ended_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> rows_;  // successor, ended
};

}  // namespace sigway::session
