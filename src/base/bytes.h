#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace sigway::base {

// Bytes on their way out: owned, shared (a broadcast is encoded once and only referenced), or
// borrowed (files: embedded in the binary, or held by somebody who counts them). The kinds behave
// alike.
// Thread: a value; shared bytes may be referenced from several threads because nobody writes them.
class Bytes {
 public:
  Bytes() = default;
  // Implicit, so that each kind can be passed as it is. NOLINTBEGIN(google-explicit-constructor)
  Bytes(std::string owned) : data_(std::move(owned)) {}
  Bytes(const char* text) : data_(std::string(text)) {}
  Bytes(std::shared_ptr<const std::string> shared) : data_(std::move(shared)) {}
  // NOLINTEND(google-explicit-constructor)

  // `text` must outlive every copy, as a string literal or an embedded file does.
  static Bytes of_static(std::string_view text) { return borrowed(nullptr, text); }
  // `owner` keeps `text` alive, and counts its memory.
  static Bytes borrowed(std::shared_ptr<const void> owner, std::string_view text) {
    Bytes bytes;
    bytes.data_ = Borrowed{std::move(owner), text};
    return bytes;
  }

  std::string_view view() const {
    if (const auto* owned = std::get_if<std::string>(&data_)) return *owned;
    if (const auto* other = std::get_if<Borrowed>(&data_)) return other->text;
    const auto& shared = *std::get_if<std::shared_ptr<const std::string>>(&data_);
    return shared ? std::string_view(*shared) : std::string_view();
  }
  std::size_t size() const { return view().size(); }
  bool empty() const { return view().empty(); }
  // What a holder of these bytes is charged with: of a string, all that it has reserved outside.
  std::size_t counted_size() const {
    if (const auto* owned = std::get_if<std::string>(&data_)) {
      const bool is_inside = owned->capacity() == std::string().capacity();
      return is_inside ? owned->size() : owned->capacity();
    }
    return std::holds_alternative<Borrowed>(data_) ? 0 : view().size();
  }

  // Puts a few bytes before owned ones that have reserved the room for them. False: nothing was
  // done.
  bool prepend_short(std::string_view head) {
    auto* owned = std::get_if<std::string>(&data_);
    if (owned == nullptr || owned->capacity() - owned->size() < head.size()) return false;
    owned->insert(0, head);
    return true;
  }

  // Appends to owned bytes, unless more than `limit` bytes would result. False: nothing was done.
  bool append_short(std::string_view more, std::size_t limit) {
    auto* owned = std::get_if<std::string>(&data_);
    if (owned == nullptr || owned->size() + more.size() > limit) return false;
    owned->append(more);
    return true;
  }

 private:
  struct Borrowed {
    std::shared_ptr<const void> owner;
    std::string_view text;
  };
  std::variant<std::string, std::shared_ptr<const std::string>, Borrowed> data_;
};

}  // namespace sigway::base
