#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

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
  explicit FrameReader(std::size_t max_message)
      : processor_(false, true, message_manager(), random_source()) {
    processor_.set_max_message_size(max_message);
  }

  /// Takes bytes (and unmasks them in place) until a message is complete or they are used up.
  /// `bytes` is what is left. Returns the message, if there is one. After a fault nothing more can
  /// be read.
  MessagePtr read(std::span<std::uint8_t>& bytes) {
    while (!bytes.empty() && !fault_) {
      websocketpp::lib::error_code error;
      const auto consumed = processor_.consume(bytes.data(), bytes.size(), error);
      if (error) {
        fault_ = FrameFault{close_code_of(error), error.message()};
        break;
      }
      bytes = bytes.subspan(consumed);
      held_ += consumed;
      if (processor_.ready()) {
        auto message = processor_.get_message();
        // A control frame may stand between the fragments of a message, which goes on.
        const bool is_control = websocketpp::frame::opcode::is_control(message->get_opcode());
        held_ = is_control ? held_ - kControlHead - message->get_payload().size() : 0;
        return message;
      }
    }
    return nullptr;
  }

  const std::optional<FrameFault>& fault() const noexcept { return fault_; }

  /// Bytes of a message that has come in part, for budgets.
  std::size_t held_bytes() const noexcept { return held_; }

 private:
  static std::uint16_t close_code_of(const websocketpp::lib::error_code& error) {
    namespace wrong = websocketpp::processor::error;
    // A length in a longer form than needed (§5.2) is the peer's fault; websocketpp calls it ours.
    if (error == wrong::make_error_code(wrong::non_minimal_encoding))
      return websocketpp::close::status::protocol_error;
    return wrong::to_ws(error);
  }

  static constexpr std::size_t kControlHead = 6;  // with its mask (RFC 6455 §5.2)

  Processor processor_;
  std::optional<FrameFault> fault_;
  std::size_t held_ = 0;
};

}  // namespace sigway::websocket
