#pragma once

#include <websocketpp/close.hpp>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/frame.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/message_buffer/message.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/random/none.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

/// websocketpp's RFC 6455 frame processor, set up for a server: `processor::hybi13` alone, without
/// its connections, endpoint, HTTP parser or compression. No I/O.
namespace sigway::websocket {

/// Makes messages that grow with the bytes that come. websocketpp's own reserves what a frame's
/// header announces, so that 14 bytes would cost as much memory as the largest message.
template <typename Message>
class GrowingMessages : public std::enable_shared_from_this<GrowingMessages<Message>> {
 public:
  using type = GrowingMessages<Message>;
  using ptr = std::shared_ptr<type>;
  using weak_ptr = std::weak_ptr<type>;
  using message_ptr = typename Message::ptr;

  message_ptr get_message() { return std::make_shared<Message>(type::shared_from_this()); }
  message_ptr get_message(websocketpp::frame::opcode::value opcode, std::size_t announced) {
    constexpr std::size_t kReserve = 1024;
    return std::make_shared<Message>(type::shared_from_this(), opcode,
                                     std::min(announced, kReserve));
  }
  bool recycle(Message*) { return false; }
};

struct Config {
  using request_type = websocketpp::http::parser::request;
  using response_type = websocketpp::http::parser::response;
  using message_type = websocketpp::message_buffer::message<GrowingMessages>;
  using con_msg_manager_type = GrowingMessages<message_type>;
  using rng_type = websocketpp::random::none::int_generator<std::uint32_t>;
  // Names that websocketpp looks for. NOLINTBEGIN(readability-identifier-naming)
  struct permessage_deflate_config {
    using request_type = Config::request_type;
  };
  using permessage_deflate_type =
      websocketpp::extensions::permessage_deflate::disabled<permessage_deflate_config>;
  static const bool enable_extensions = false;
  static const std::size_t max_message_size = 256U << 10U;
  // NOLINTEND(readability-identifier-naming)
};

using Processor = websocketpp::processor::hybi13<Config>;
using MessagePtr = Config::message_type::ptr;

/// One for all: it keeps nothing.
inline const Config::con_msg_manager_type::ptr& message_manager() {
  static const auto kManager = std::make_shared<Config::con_msg_manager_type>();
  return kManager;
}
/// A server masks nothing, so it is never asked.
inline Config::rng_type& random_source() {
  static Config::rng_type source;
  return source;
}

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
inline std::uint16_t close_code(const std::string& payload) {
  websocketpp::lib::error_code error;
  const auto code = websocketpp::close::extract_code(payload, error);
  return error ? websocketpp::close::status::protocol_error : code;
}

/// The close frame that answers a client's close frame with this payload (§5.5.1): the same code
/// without a reason, or no code for none. 1002 for one byte and for a code that may not be sent
/// (§7.4); 1007 for a reason that is not UTF-8.
inline std::string close_reply(const std::string& payload) {
  namespace close = websocketpp::close;
  if (payload.empty()) return control_frame(websocketpp::frame::opcode::close, {});
  websocketpp::lib::error_code error;
  const auto code = close::extract_code(payload, error);
  if (error) return close_frame(close::status::protocol_error, {});
  close::extract_reason(payload, error);
  return close_frame(error ? close::status::invalid_payload : code, {});
}

}  // namespace sigway::websocket
