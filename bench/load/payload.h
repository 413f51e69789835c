#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sigway::load {

/// Who sent a message, the how-manyth it is, and when it was due. It travels inside the payload, in
/// characters that no encoding changes.
struct Stamp {
  std::uint32_t room = 0;
  std::uint32_t slot = 0;
  std::uint32_t number = 0;  ///< from 1
  std::uint64_t time = 0;    ///< nanoseconds of the steady clock
};

/// The payload of a message: a session description as JSON of exactly `bytes` bytes.
class Payload {
 public:
  explicit Payload(std::size_t bytes);
  std::string with(const Stamp& stamp) const;

 private:
  std::string text_;
  std::size_t stamp_at_ = 0;
};

/// Calls `take` for each stamp in the text, in order.
void for_each_stamp(std::string_view text, const std::function<void(const Stamp&)>& take);

}  // namespace sigway::load
