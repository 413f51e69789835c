#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <optional>

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
  /// Whether any body was refused.
  bool is_known() const noexcept { return most_ != kUnknown; }
  /// What is known to pass.
  std::size_t proven() const noexcept { return proven_; }

  /// As it was known before.
  void set(std::optional<std::size_t> most) {
    most_ = most.value_or(kUnknown);
    refused_ = kUnknown;
  }

  /// Whether larger ones are to be tried now.
  bool passed(std::size_t size) {
    const auto before = most_;
    proven_ = std::max(proven_, size);
    const bool is_near = !is_known() || 4 * size >= 3 * most_;  // shows that the limit holds
    const bool is_wide = refused_ != kUnknown && refused_ > proven_ + proven_ / 7;
    if (is_near && is_wide) most_ = std::max(most_, proven_ + (refused_ - proven_) / 2);
    return most_ > before;
  }

  /// `limit`: what the answer says that may pass; 0 if nothing. Whether bodies are to be smaller
  /// now than they were.
  bool refused(std::size_t size, std::size_t limit) {
    const auto before = most_;
    refused_ = std::min(refused_, size);
    // Of several that are refused the last to be heard of may be the largest.
    const auto halved = std::max(proven_ < size ? proven_ : 0, size / 2);
    most_ = std::max(kLeast, std::min(most_, limit > 0 && limit < size ? limit : halved));
    if (proven_ >= size) proven_ = most_;
    return most_ < before;
  }

 private:
  static constexpr auto kUnknown = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t kSafe = 500;  // nobody was ever seen to refuse so little

  std::size_t most_ = kUnknown;
  std::size_t proven_ = kSafe;
  std::size_t refused_ = kUnknown;  // the smallest that was
};

}  // namespace sigway::client
