#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

namespace sigway::client {

/// How large a body the network lets up, in bytes. Nobody says so: what was refused is halved until
/// it passes, and what lies between the two is then halved a few times more, as each piece pays for
/// what the limit is too low.
class BodyLimit {
 public:
  /// Smaller than this nothing can be cut.
  static constexpr std::size_t kLeast = 400;

  /// What is known to be refused beyond this.
  std::size_t most() const noexcept { return most_; }
  /// What is known to pass.
  std::size_t proven() const noexcept { return proven_; }

  void passed(std::size_t size) {
    proven_ = std::max(proven_, size);
    const bool is_near = size >= most_ / 4 * 3;  // shows that the limit holds
    const bool is_wide = refused_ != kUnknown && refused_ > proven_ + proven_ / 7;
    if (is_near && is_wide) most_ = std::max(most_, proven_ + (refused_ - proven_) / 2);
  }

  /// `limit`: what the answer says that may pass; 0 if nothing. False if not even the least body
  /// passes.
  bool refused(std::size_t size, std::size_t limit) {
    refused_ = std::min(refused_, size);
    // Of several that are refused the last to be heard of may be the largest.
    const auto halved = std::max(proven_ < size ? proven_ : 0, size / 2);
    most_ = std::max(kLeast, std::min(most_, limit > 0 && limit < size ? limit : halved));
    if (proven_ >= size) proven_ = most_;
    return size > kLeast;
  }

 private:
  static constexpr auto kUnknown = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t kSafe = 500;  // nobody was ever seen to refuse so little

  std::size_t most_ = kUnknown;
  std::size_t proven_ = kSafe;
  std::size_t refused_ = kUnknown;  // the smallest that was
};

}  // namespace sigway::client
