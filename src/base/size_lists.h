#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>

namespace sigway::base {

// Items in lists by the class of their size, so that a largest one is found without a search. There
// are four classes for each power of two, from 2 KiB on: two items of one class differ by less than
// a quarter. Smaller items are in no list, and all above the last class are in that one. Nothing
// here allocates. An item has two pointers, `previous_` and `next_`, for these lists alone.
// Thread: one at a time.
template <typename Item, unsigned kClasses>
class SizeLists {
 public:
  static constexpr unsigned kNone = kClasses;  // the class of what is in no list

  static constexpr unsigned class_of(std::size_t bytes) noexcept {
    if ((bytes >> kFirstBits) == 0) return kNone;
    const auto power = static_cast<unsigned>(std::bit_width(bytes)) - 1;
    const auto quarter = static_cast<unsigned>(bytes >> (power - 2)) & 3U;
    return std::min((power - kFirstBits) * 4 + quarter, kClasses - 1);
  }
  // The smallest size of a class; 0 of none.
  static constexpr std::size_t least_of(unsigned size_class) noexcept {
    if (size_class == kNone) return 0;
    return (std::size_t{4} + size_class % 4) << (kFirstBits - 2 + size_class / 4);
  }

  // Either class may be kNone.
  void move(Item& item, unsigned from, unsigned to) noexcept {
    if (from != kNone) unlink(item, from);
    if (to != kNone) link(item, to);
    if (to != kNone && to >= end_) end_ = to + 1;
    while (end_ != 0 && first_[end_ - 1] == nullptr) --end_;
  }

  // One of the highest class that is not empty; null if all are empty.
  Item* largest() const noexcept { return end_ == 0 ? nullptr : first_[end_ - 1]; }
  // One more than that class; 0 if all are empty.
  unsigned end() const noexcept { return end_; }

 private:
  static constexpr unsigned kFirstBits = 11;

  void link(Item& item, unsigned to) noexcept {
    item.next_ = first_[to];
    if (item.next_ != nullptr) item.next_->previous_ = &item;
    first_[to] = &item;
  }
  void unlink(Item& item, unsigned from) noexcept {
    (item.previous_ != nullptr ? item.previous_->next_ : first_[from]) = item.next_;
    if (item.next_ != nullptr) item.next_->previous_ = item.previous_;
    item.previous_ = item.next_ = nullptr;
  }

  std::array<Item*, kClasses> first_{};
  unsigned end_ = 0;
};

}  // namespace sigway::base
