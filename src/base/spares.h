#pragma once

#include <array>
#include <cstddef>
#include <vector>

namespace sigway::base {

// The memory of lists that are filled and emptied again and again, each by an owner of its own.
// An owner whose list is empty gives the memory back, so that it holds none at rest; one that is
// about to fill its list takes some, and need not allocate.
//
//   spares_.lend(list_);
//   list_.push_back(…);
//   …
//   spares_.take_back(list_);
//
// Of a list larger than `kLargest`, and beyond `kMost` lists, nothing is kept.
// Thread: one. Lifetime: independent of its lists'.
template <class T, std::size_t kMost, std::size_t kLargest>
class Spares {
 public:
  // Does nothing for a list that has memory, or if there is none to lend.
  void lend(std::vector<T>& list) noexcept {
    if (list.capacity() == 0 && count_ > 0) list.swap(lists_[--count_]);
  }

  // Leaves the list empty and without memory.
  void take_back(std::vector<T>& list) noexcept {
    list.clear();
    if (list.capacity() == 0) return;
    if (list.capacity() <= kLargest && count_ < kMost) {
      lists_[count_++].swap(list);
    } else {
      std::vector<T>().swap(list);
    }
  }

 private:
  std::array<std::vector<T>, kMost> lists_;  // those from `count_` on have no memory
  std::size_t count_ = 0;
};

}  // namespace sigway::base
