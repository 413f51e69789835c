#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "websocket/frames.h"

namespace sigway::websocket {

/// Why a connection has to be closed: what it sent breaks RFC 6455.
struct FrameFault {
  std::uint16_t close_code;  ///< §7.4.1
  std::string reason;
};

/// Bytes from a client to whole messages: unmasked, fragments joined, UTF-8 checked, control frames
/// between fragments on their own. No I/O. Memory grows with the bytes that have come, whatever a
/// frame announces.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_message) { processor_.set_max_message_size(max_message); }

  /// Takes bytes (and unmasks them in place) until one frame is complete or they are used up.
  /// `bytes` is what is left. Returns the message that the frame completes, if it completes one:
  /// after a fragment there is none, and bytes may be left. After a fault nothing more can be read.
  MessagePtr read(std::span<std::uint8_t>& bytes) {
    bool is_fragment = false;
    has_empty_fragment_ = false;
    while (!bytes.empty() && !fault_ && !is_fragment) {
      // One field of the frame at a time, because websocketpp goes on after a fragment.
      const auto field = std::min(processor_.get_bytes_needed(), bytes.size());
      websocketpp::lib::error_code error;
      const auto consumed = processor_.consume(bytes.data(), field, error);
      if (error) {
        fault_ = FrameFault{close_code_of(error), error.message()};
        break;
      }
      bytes = bytes.subspan(consumed);
      if (processor_.get_bytes_needed() > processor_.get_max_message_size()) {
        // Together with the fragments before it a length near 2^64 is a small one for websocketpp.
        fault_ = FrameFault{websocketpp::close::status::message_too_big, "Message too big"};
        break;
      }
      if (processor_.ready()) {
        auto message = processor_.get_message();
        if (!websocketpp::frame::opcode::is_control(message->get_opcode())) joined_ = 0;
        return message;
      }
      is_fragment = processor_.is_between_frames();
    }
    if (is_fragment) {
      const auto joined = processor_.message_bytes();
      has_empty_fragment_ = joined == std::exchange(joined_, joined);
    }
    return nullptr;
  }

  const std::optional<FrameFault>& fault() const noexcept { return fault_; }

  /// Bytes of a message that has come in part, for budgets. Heads of frames are not kept.
  std::size_t held_bytes() const noexcept { return processor_.held_bytes(); }

  /// Whether the last read took a fragment without payload, which RFC 6455 allows (§5.4): it costs
  /// work, and nothing else bounds how many there are.
  bool has_empty_fragment() const noexcept { return has_empty_fragment_; }

 private:
  /// websocketpp's, and how far it has come.
  class Reading final : public Processor {
   public:
    Reading() : Processor(false, true, message_manager(), random_source()) {}

    bool is_between_frames() const noexcept {
      return m_state == HEADER_BASIC && m_bytes_needed == websocketpp::frame::BASIC_HEADER_LENGTH;
    }
    std::size_t message_bytes() const noexcept { return bytes_of(m_data_msg); }
    std::size_t held_bytes() const noexcept {
      return bytes_of(m_data_msg) + bytes_of(m_control_msg);
    }

   private:
    static std::size_t bytes_of(const msg_metadata& message) noexcept {
      return message.msg_ptr ? message.msg_ptr->get_payload().size() : 0;
    }
  };

  static std::uint16_t close_code_of(const websocketpp::lib::error_code& error) {
    namespace wrong = websocketpp::processor::error;
    // A length in a longer form than needed (§5.2) is the peer's fault; websocketpp calls it ours.
    if (error == wrong::make_error_code(wrong::non_minimal_encoding))
      return websocketpp::close::status::protocol_error;
    return wrong::to_ws(error);
  }

  Reading processor_;
  std::optional<FrameFault> fault_;
  std::size_t joined_ = 0;  // bytes of the fragments that have come of a message
  bool has_empty_fragment_ = false;
};

}  // namespace sigway::websocket
