#include "probe/socket.h"

#include <algorithm>
#include <utility>
#include <websocketpp/close.hpp>

#include "net/shard.h"
#include "websocket/frames.h"

namespace sigway::probe {

namespace opcode = websocketpp::frame::opcode;
namespace status = websocketpp::close::status;

namespace {

constexpr std::size_t kMostFrame = 64 * 1024;
constexpr std::uint16_t kLimit = 4003;  // "Ends": stream_limit
constexpr std::chrono::seconds kCloseTimeout{3};
// What the smallest frame costs, in bytes: it takes about as much work as one of so many. The
// doctor's own words are a few in a second.
constexpr std::size_t kLeastCost = 64;

}  // namespace

Socket::Socket(Nonces& nonces, base::AddressKey address, const Bounds& bounds, std::string greeting,
               std::unique_ptr<Limits::Permit> permit)
    : nonces_(nonces),
      address_(address),
      bounds_(bounds),
      greeting_(std::move(greeting)),
      permit_(std::move(permit)),
      frames_(kMostFrame) {}

void Socket::on_attached(net::Connection& connection) {
  connection_ = &connection;
  connection.shard().schedule_in(timer_, bounds_.time);
  send_text(std::exchange(greeting_, {}));
}

void Socket::on_data(net::Connection& connection, std::span<std::uint8_t> bytes) {
  while (connection.is_open() && !bytes.empty()) {
    if (!connection.take_share()) {
      connection.leave_unread(bytes);
      break;
    }
    const auto message = frames_.read(bytes);
    if (const auto& fault = frames_.fault()) {
      if (!std::exchange(closing_, true))
        connection.write(websocket::close_frame(fault->close_code, fault->reason));
      return connection.close_after_flush();
    }
    if (message) {
      on_message(*message);
    } else if (frames_.has_empty_fragment()) {
      charge(0);
    }
  }
  connection.hold_input(frames_.held_bytes());
}

void Socket::on_message(const websocket::Message& message) {
  const auto payload = message.payload();
  switch (message.opcode) {
    case opcode::close:
      if (!std::exchange(closing_, true)) connection_->write(websocket::close_reply(payload));
      return connection_->close_after_flush();
    case opcode::ping:
      if (charge(payload.size()))
        connection_->write(websocket::control_frame(opcode::pong, payload));
      return;
    case opcode::text: break;
    case opcode::binary: return close(status::unsupported_data, "text frames only");
    default: charge(payload.size()); return;
  }
  if (!charge(payload.size())) return;
  if (nonces_left_ > 0 && is_nonce(payload)) {
    --nonces_left_;
    nonces_.count(std::string(payload), address_, connection_->shard().now());
  }
  send_text(payload);
}

bool Socket::charge(std::size_t size) {
  if (closing_) return false;
  spent_ += std::max(size, kLeastCost);
  if (spent_ <= bounds_.bytes) return true;
  close(kLimit, "stream_limit");
  return false;
}

void Socket::send_text(std::string_view text) {
  connection_->write(websocket::frame_head(opcode::text, text.size()).append(text));
}

void Socket::close(std::uint16_t code, std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  connection_->write(websocket::close_frame(code, reason));
  connection_->shard().schedule_in(timer_, kCloseTimeout);
}

void Socket::on_stop(net::Connection&) { close(status::going_away, "the server is shutting down"); }

void Socket::on_timer() {
  if (closing_) return connection_->close_after_flush();
  close(kLimit, "stream_limit");
}

}  // namespace sigway::probe
