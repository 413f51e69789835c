#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace sigway::base {

// A list that is filled, used and thrown away again and again, and whose memory is kept for the
// next time. Uses may nest: an inner one gets memory of its own. Of a large list nothing is kept.
//
//   auto recipients = scratch_.take();
//   recipients->push_back(…);
//
// Thread: one. Lifetime: a use ends before its scratch.
template <class T>
class Scratch {
 public:
  static constexpr std::size_t kMostKept = 64 * 1024 / sizeof(T);

  class Use {
   public:
    explicit Use(Scratch& of) : of_(of), items_(std::exchange(of.spare_, {})) {}
    ~Use() {
      items_.clear();
      if (items_.capacity() <= kMostKept) of_.spare_.swap(items_);
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    std::vector<T>& operator*() { return items_; }
    std::vector<T>* operator->() { return &items_; }

   private:
    Scratch& of_;
    std::vector<T> items_;
  };

  Use take() { return Use(*this); }

 private:
  std::vector<T> spare_;
};

}  // namespace sigway::base
