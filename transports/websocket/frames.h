#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <websocketpp/close.hpp>
#include <websocketpp/frame.hpp>

/// Frames that a server sends (RFC 6455 §5), and what close frames say. No I/O. Thread: any.
namespace sigway::websocket {

/// The head of an unmasked, final frame (RFC 6455 §5.2).
inline std::string frame_head(websocketpp::frame::opcode::value opcode, std::size_t size) {
  const websocketpp::frame::basic_header basic(opcode, size, true, false);
  const websocketpp::frame::extended_header extended(size);
  return websocketpp::frame::prepare_header(basic, extended);
}

/// A whole control frame. Its payload is cut at 125 bytes (§5.5).
inline std::string control_frame(websocketpp::frame::opcode::value opcode,
                                 std::string_view payload) {
  payload = payload.substr(0, 125);
  return frame_head(opcode, payload.size()).append(payload);
}

/// A close frame with code and reason (§5.5.1). 1005 stands for no code.
inline std::string close_frame(std::uint16_t code, std::string_view reason) {
  if (code == websocketpp::close::status::no_status)
    return control_frame(websocketpp::frame::opcode::close, {});
  std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
  payload.append(reason.substr(0, 123));
  return control_frame(websocketpp::frame::opcode::close, payload);
}

/// What a close frame with this payload says; 1005 if it says nothing, 1002 if that is no code.
inline std::uint16_t close_code(std::string_view payload) {
  websocketpp::lib::error_code error;
  const auto code = websocketpp::close::extract_code(std::string(payload), error);
  return error ? websocketpp::close::status::protocol_error : code;
}

/// The close frame that answers a client's close frame with this payload (§5.5.1): the same code
/// without a reason, or no code for none. 1002 for one byte and for a code that may not be sent
/// (§7.4); 1007 for a reason that is not UTF-8.
inline std::string close_reply(std::string_view payload) {
  namespace close = websocketpp::close;
  if (payload.empty()) return control_frame(websocketpp::frame::opcode::close, {});
  const std::string text(payload);
  websocketpp::lib::error_code error;
  const auto code = close::extract_code(text, error);
  if (error) return close_frame(close::status::protocol_error, {});
  close::extract_reason(text, error);
  return close_frame(error ? close::status::invalid_payload : code, {});
}

}  // namespace sigway::websocket
