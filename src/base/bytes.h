#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace sigway::base {

// Bytes on their way out: owned, shared (a broadcast is encoded once and only referenced), or
// static (files embedded in the binary). Immutable once made. The kinds behave alike.
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
  static Bytes of_static(std::string_view text) {
    Bytes bytes;
    bytes.data_ = text;
    return bytes;
  }

  std::string_view view() const {
    if (const auto* owned = std::get_if<std::string>(&data_)) return *owned;
    if (const auto* fixed = std::get_if<std::string_view>(&data_)) return *fixed;
    const auto& shared = *std::get_if<std::shared_ptr<const std::string>>(&data_);
    return shared ? std::string_view(*shared) : std::string_view();
  }
  std::size_t size() const { return view().size(); }
  bool empty() const { return view().empty(); }

 private:
  std::variant<std::string, std::shared_ptr<const std::string>, std::string_view> data_;
};

}  // namespace sigway::base
