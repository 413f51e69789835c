#include "payload.h"

#include <array>
#include <charconv>
#include <stdexcept>

namespace sigway::load {
namespace {

constexpr std::string_view kHead = R"({"type":"offer","stamp":")";
constexpr std::string_view kSdp =
    R"(","sdp":"v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\n)";
constexpr std::string_view kLine = R"(a=rtpmap:111 opus/48000/2\r\n)";
constexpr std::string_view kTail = "\"}";
constexpr char kMark = '~';  // nowhere else in a payload, or in what surrounds it
constexpr std::array<std::size_t, 4> kDigits{8, 4, 8, 16};
constexpr std::size_t kStampSize = 1 + 8 + 4 + 8 + 16 + 1;

void put(char* at, std::size_t digits, std::uint64_t value) {
  for (auto i = digits; i-- > 0; value >>= 4U) at[i] = "0123456789abcdef"[value & 15U];
}

std::uint64_t take_digits(std::string_view& text, std::size_t digits) {
  std::uint64_t value = 0;
  const auto end = text.data() + digits;
  if (std::from_chars(text.data(), end, value, 16).ptr != end) {
    throw std::runtime_error("a damaged message: " + std::string(text));
  }
  text.remove_prefix(digits);
  return value;
}

}  // namespace

Payload::Payload(std::size_t bytes) : text_(kHead), stamp_at_(kHead.size()) {
  text_.append(kStampSize, kMark).append(kSdp);
  if (bytes < text_.size() + kTail.size()) {
    throw std::runtime_error("a message has " + std::to_string(text_.size() + kTail.size()) +
                             " bytes at the least");
  }
  while (text_.size() + kLine.size() + kTail.size() <= bytes) text_.append(kLine);
  text_.append(bytes - text_.size() - kTail.size(), '.').append(kTail);
}

std::string Payload::with(const Stamp& stamp) const {
  auto text = text_;
  auto* at = text.data() + stamp_at_ + 1;
  const std::array<std::uint64_t, 4> values{stamp.room, stamp.slot, stamp.number, stamp.time};
  for (std::size_t i = 0; i < values.size(); ++i) {
    put(at, kDigits.at(i), values.at(i));
    at += kDigits.at(i);
  }
  return text;
}

void for_each_stamp(std::string_view text, const std::function<void(const Stamp&)>& take) {
  for (;;) {
    const auto at = text.find(kMark);
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + 1);
    if (text.size() < kStampSize - 1 || text[kStampSize - 2] != kMark) {
      throw std::runtime_error("a damaged message: " + std::string(text));
    }
    Stamp stamp;
    stamp.room = static_cast<std::uint32_t>(take_digits(text, kDigits[0]));
    stamp.slot = static_cast<std::uint32_t>(take_digits(text, kDigits[1]));
    stamp.number = static_cast<std::uint32_t>(take_digits(text, kDigits[2]));
    stamp.time = take_digits(text, kDigits[3]);
    text.remove_prefix(1);
    take(stamp);
  }
}

}  // namespace sigway::load
