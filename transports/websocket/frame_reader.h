#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <websocketpp/frame.hpp>

namespace sigway::websocket {

/// Why a connection has to be closed: what it sent breaks RFC 6455.
struct FrameFault {
  std::uint16_t close_code;  ///< §7.4.1
  std::string_view reason;   ///< a static phrase
};

/// A whole message, or a control frame.
struct Message {
  websocketpp::frame::opcode::value opcode;  ///< never `continuation`
  std::string_view whole;                    ///< in the bytes that were read, if they had all of it
  std::string joined;                        ///< else: what came in several parts

  std::string_view payload() const noexcept { return joined.empty() ? whole : joined; }
};

/// Bytes from a client to whole messages (RFC 6455 §5): unmasked, fragments joined, UTF-8 checked,
/// control frames between fragments on their own. A message that has come whole is not copied. No
/// I/O. Memory grows with the bytes that have come, whatever a frame announces; none is held
/// between messages. Thread: one at a time.
class FrameReader {
 public:
  /// `max_message`: bytes; a larger message is a fault (1009) at the head that announces it.
  explicit FrameReader(std::size_t max_message) noexcept : max_message_(max_message) {}

  /// Takes bytes (and unmasks them in place) until one frame is complete or they are used up.
  /// `bytes` is what is left. Returns the message that the frame completes, if it completes one:
  /// after a fragment there is none, and bytes may be left. After a fault nothing more can be read.
  /// The message is valid as long as the bytes. Throws std::bad_alloc, and must not be used then.
  std::optional<Message> read(std::span<std::uint8_t>& bytes);

  const std::optional<FrameFault>& fault() const noexcept { return fault_; }

  /// Bytes of a message that has come in part, for budgets. The head of a frame is part of this
  /// object, and does not count.
  std::size_t held_bytes() const noexcept {
    return parts_ ? parts_->message.size() + parts_->control.size() : 0;
  }

  /// Whether the last read took a fragment without payload, which RFC 6455 allows (§5.4): it costs
  /// work, and nothing else bounds how many there are.
  bool has_empty_fragment() const noexcept { return has_empty_fragment_; }

 private:
  using Opcode = websocketpp::frame::opcode::value;

  /// What has come of a message and of a control frame between its fragments.
  struct Parts {
    std::string message, control;
  };

  std::string& parts_of_frame();
  /// True once the head of a frame has come and is right.
  bool read_head(std::span<std::uint8_t>& bytes);
  void check_start();
  void read_length();
  Opcode opcode() const noexcept { return static_cast<Opcode>(head_[0] & 0x0fU); }
  bool is_final() const noexcept { return (head_[0] & 0x80U) != 0; }
  bool is_control() const noexcept { return (head_[0] & 0x08U) != 0; }
  /// Of the whole head, as its second byte says.
  std::size_t head_length() const noexcept;
  void unmask(std::span<std::uint8_t> payload) const noexcept;
  std::optional<Message> end_frame(std::string_view last_part);
  void fail(std::uint16_t close_code, std::string_view reason) noexcept;

  const std::size_t max_message_;
  std::array<std::uint8_t, 14> head_{};  // of the frame that is being read
  std::uint8_t head_size_ = 0;           // so many bytes of it have come
  bool has_head_ = false;                // all of them: the payload is being read
  bool has_empty_fragment_ = false;
  // Of the message whose fragments are being read; continuation: there is none.
  Opcode message_ = websocketpp::frame::opcode::continuation;
  std::size_t size_ = 0;          // of the frame's payload
  std::size_t left_ = 0;          // of it, still to come
  std::unique_ptr<Parts> parts_;  // while there are any
  std::optional<FrameFault> fault_;
};

}  // namespace sigway::websocket
