#include "websocket/connection.h"

#include <utility>
#include <websocketpp/close.hpp>
#include <websocketpp/common/network.hpp>

#include "net/shard.h"
#include "websocket/frames.h"

namespace sigway::websocket {

namespace opcode = websocketpp::frame::opcode;

namespace {

// websocketpp finds out the byte order when it is first asked, in a variable that all threads
// share. Asked once before there are threads, they only read it.
[[maybe_unused]] const auto kByteOrderFound = websocketpp::lib::net::_htonll(1);

// Smaller payloads travel with their frame's head in one piece.
constexpr std::size_t kCopyBelow = 1024;

}  // namespace

Connection::Connection(const Options& options, std::unique_ptr<Receiver> receiver)
    : options_(options),
      receiver_(std::move(receiver)),
      frames_(options.max_message),
      timer_(base::Timer::calling<&Connection::on_timer>(this)) {}

Connection::~Connection() = default;

void Connection::on_attached(net::Connection& connection) {
  connection_ = &connection;
  receiver_->opened(*this);
}

void Connection::on_data(net::Connection& connection, std::span<std::uint8_t> bytes) {
  while (connection.is_open() && !bytes.empty()) {
    if (is_stalled() || !connection.take_share()) {
      connection.leave_unread(bytes);
      break;
    }
    const auto message = frames_.read(bytes);
    if (const auto& fault = frames_.fault()) return fail(fault->close_code, fault->reason);
    if (message) {
      on_message(*message);
    } else if (frames_.has_empty_fragment()) {
      count_noise();
    }
  }
  connection.hold_input(frames_.held_bytes());
}

Port Connection::port(bool elsewhere) {
  if (elsewhere) flow_ = std::make_shared<Flow>();
  return {connection_->shard(), connection_->id(), flow_};
}

void Connection::passed_on(std::size_t bytes) {
  if (!flow_) return;
  ++flow_->messages;
  flow_->bytes += bytes;
}

// What is on its way to the session waits in another shard's memory, so it is bounded here.
bool Connection::is_stalled() {
  if (paused_) {
    connection_->pause_reading();
    return true;
  }
  const auto is_full = [this] {
    return flow_->messages >= Port::kMostMessages || flow_->bytes >= Port::kMostBytes;
  };
  if (!flow_ || !is_full()) return false;
  flow_->stalled = true;
  // Looked at again, because the session may have taken all before the flag could be seen.
  if (!is_full() && flow_->stalled.exchange(false)) return false;
  connection_->pause_reading();
  return true;
}

void Connection::pause_reading() {
  if (closing_) return;  // the peer's close frame is to be read
  paused_ = true;
  connection_->pause_reading();
}

void Connection::resume_reading() {
  if (std::exchange(paused_, false)) connection_->resume_reading();
}

void Connection::on_drained(net::Connection&) {
  bool starved = std::exchange(starved_, false);
  if (flow_) starved = flow_->down.drained();
  if (starved) receiver_->drained();
}

void Connection::on_stop(net::Connection&) {
  close(websocketpp::close::status::going_away, "the server is shutting down");
}

void Connection::count_noise() {
  if (!closing_ && !noise_.take(options_.noise, 1, shard().now())) receiver_->flooded();
}

void Connection::on_message(const Message& message) {
  if (opcode::is_control(message.opcode)) return on_control(message);
  if (closing_) return;
  const auto kind = message.opcode == opcode::binary ? dialects::Frame::Kind::binary
                                                     : dialects::Frame::Kind::text;
  receiver_->message(kind, message.payload());
}

void Connection::on_control(const Message& message) {
  switch (message.opcode) {
    case opcode::ping:
      count_noise();
      if (!closing_) connection_->write(control_frame(opcode::pong, message.payload()));
      break;
    case opcode::pong:
      count_noise();
      receiver_->pong(message.payload());
      break;
    case opcode::close:
      if (!std::exchange(closing_, true)) {
        receiver_->peer_closes(close_code(message.payload()));
        connection_->write(close_reply(message.payload()));
      }
      connection_->close_after_flush();
      break;
    default: break;
  }
}

void Connection::send(dialects::Frame::Kind kind, base::Bytes bytes) {
  if (closing_) return;
  const auto code = kind == dialects::Frame::Kind::binary ? opcode::binary : opcode::text;
  auto frame = frame_head(code, bytes.size());
  if (bytes.size() >= kCopyBelow) {
    connection_->write(std::move(frame));
    connection_->write(std::move(bytes));
  } else if (bytes.prepend_short(frame)) {
    connection_->write(std::move(bytes));
  } else {
    frame.append(bytes.view());
    connection_->write(std::move(frame));
  }
  if (flow_) flow_->down.set_queued(connection_->queued_bytes());
}

void Connection::ping(std::string_view payload) {
  if (!closing_) connection_->write(control_frame(opcode::ping, payload));
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  resume_reading();
  connection_->write(close_frame(code, reason));
  shard().schedule_in(timer_, options_.close_timeout);
}

void Connection::fail(std::uint16_t code, std::string_view reason) {
  // After a broken frame nothing that follows can be read, the peer's close frame included.
  if (!std::exchange(closing_, true)) connection_->write(close_frame(code, reason));
  connection_->close_after_flush();
}

void Connection::on_eof(net::Connection& connection) { connection.close_after_flush(); }

void Connection::expect_within(base::Duration time) { shard().schedule_in(timer_, time); }

void Connection::on_timer() {
  // A timer runs in nobody's name. Without memory for the close frame the connection must still
  // end.
  shard().run_for(connection_->id(), [this](net::Connection& connection) {
    if (closing_) return connection.close_after_flush();
    receiver_->timed_out();
  });
}

void Connection::on_closed(net::Connection&, net::CloseReason) {
  timer_.cancel();
  receiver_->closed();
}

}  // namespace sigway::websocket
