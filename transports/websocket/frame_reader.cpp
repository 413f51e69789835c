#include "websocket/frame_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <websocketpp/close.hpp>

#include "base/utf8.h"

namespace sigway::websocket {

namespace opcode = websocketpp::frame::opcode;
namespace status = websocketpp::close::status;

namespace {

constexpr std::size_t kStart = 2;  // bytes of a head that say how long it is
constexpr std::size_t kMask = 4;
constexpr std::uint8_t kMaskBit = 0x80, kReservedBits = 0x70, kLengthBits = 0x7f;
// A length that says where the length is (§5.2).
constexpr std::uint8_t kTwoBytes = 126, kEightBytes = 127;

}  // namespace

std::optional<Message> FrameReader::read(std::span<std::uint8_t>& bytes) {
  has_empty_fragment_ = false;
  if (fault_ || !read_head(bytes)) return std::nullopt;
  const auto part = bytes.first(std::min(left_, bytes.size()));
  bytes = bytes.subspan(part.size());
  unmask(part);
  left_ -= part.size();
  const std::string_view text(reinterpret_cast<const char*>(part.data()), part.size());
  if (left_ == 0) return end_frame(text);
  if (!text.empty()) parts_of_frame().append(text);
  return std::nullopt;
}

std::string& FrameReader::parts_of_frame() {
  if (parts_ == nullptr) parts_ = std::make_unique<Parts>();
  return is_control() ? parts_->control : parts_->message;
}

bool FrameReader::read_head(std::span<std::uint8_t>& bytes) {
  while (!has_head_) {
    const auto wanted = head_size_ < kStart ? kStart : head_length();
    const auto part = bytes.first(std::min(wanted - head_size_, bytes.size()));
    std::copy(part.begin(), part.end(), head_.begin() + head_size_);
    bytes = bytes.subspan(part.size());
    head_size_ = static_cast<std::uint8_t>(head_size_ + part.size());
    if (head_size_ < wanted) return false;
    if (wanted == kStart) {
      check_start();
    } else {
      read_length();
    }
    if (fault_) return false;
  }
  return true;
}

std::size_t FrameReader::head_length() const noexcept {
  const auto length = head_[1] & kLengthBits;
  return kStart + kMask + (length == kTwoBytes ? 2 : length == kEightBytes ? 8 : 0);
}

void FrameReader::check_start() {
  if ((head_[0] & kReservedBits) != 0)
    return fail(status::protocol_error, "a reserved bit is set, and no extension was agreed on");
  if ((head_[1] & kMaskBit) == 0)
    return fail(status::protocol_error, "a frame from a client must be masked");
  if (opcode::reserved(opcode())) return fail(status::protocol_error, "a reserved opcode");
  if (is_control()) {
    if (!is_final()) return fail(status::protocol_error, "a control frame must not be fragmented");
    if ((head_[1] & kLengthBits) > websocketpp::frame::limits::payload_size_basic)
      return fail(status::protocol_error, "a control frame has at most 125 bytes");
  } else if ((opcode() == opcode::continuation) != (message_ != opcode::continuation)) {
    return fail(status::protocol_error, message_ == opcode::continuation
                                            ? "a continuation without a message"
                                            : "a message within the fragments of another one");
  }
}

void FrameReader::read_length() {
  std::uint64_t size = head_[1] & kLengthBits;
  const auto extended = head_length() - kStart - kMask;
  if (extended != 0) {
    size = 0;
    for (std::size_t i = 0; i < extended; ++i) size = size << 8U | head_[kStart + i];
    const std::uint64_t least = extended == 2 ? kTwoBytes : 0x10000;
    if (size < least)
      return fail(status::protocol_error, "a length that is not in its shortest form");
  }
  if (size > max_message_ - (is_control() || parts_ == nullptr ? 0 : parts_->message.size()))
    return fail(status::message_too_big, "a message larger than the server takes");
  size_ = left_ = static_cast<std::size_t>(size);
  has_head_ = true;
}

void FrameReader::unmask(std::span<std::uint8_t> payload) const noexcept {
  // The mask goes on where the part before this one has ended.
  const auto* const mask = head_.data() + head_size_ - kMask;
  std::array<std::uint8_t, 8> key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = mask[(size_ - left_ + i) % kMask];
  std::uint64_t word_key = 0;
  std::memcpy(&word_key, key.data(), sizeof word_key);
  std::size_t at = 0;
  for (; payload.size() - at >= sizeof word_key; at += sizeof word_key) {
    std::uint64_t word = 0;
    std::memcpy(&word, payload.data() + at, sizeof word);
    word ^= word_key;
    std::memcpy(payload.data() + at, &word, sizeof word);
  }
  for (std::size_t i = 0; at < payload.size(); ++at, ++i) payload[at] ^= key[i];
}

std::optional<Message> FrameReader::end_frame(std::string_view last_part) {
  has_head_ = false;
  head_size_ = 0;
  if (!is_final()) {
    if (opcode() != opcode::continuation) message_ = opcode();
    has_empty_fragment_ = size_ == 0;
    if (!last_part.empty()) parts_of_frame().append(last_part);
    return std::nullopt;
  }
  Message message{opcode(), last_part, {}};
  if (held_bytes() > 0) {
    auto& parts = parts_of_frame();
    if (!parts.empty()) parts.append(last_part);
    message.joined = std::exchange(parts, {});
    if (held_bytes() == 0) parts_.reset();
  }
  if (message.opcode == opcode::continuation)
    message.opcode = std::exchange(message_, opcode::continuation);
  if (message.opcode == opcode::text && !base::is_utf8(message.payload())) {
    fail(status::invalid_payload, "a text that is not UTF-8");
    return std::nullopt;
  }
  return message;
}

void FrameReader::fail(std::uint16_t close_code, std::string_view reason) noexcept {
  fault_ = FrameFault{close_code, reason};
}

}  // namespace sigway::websocket
