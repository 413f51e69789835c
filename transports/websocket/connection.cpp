#include "websocket/connection.h"

#include <utility>
#include <websocketpp/close.hpp>

#include "entry/http_entry.h"
#include "net/shard.h"
#include "websocket/sink.h"

namespace sigway::websocket {

namespace native = dialects::native;
namespace opcode = websocketpp::frame::opcode;
namespace status = websocketpp::close::status;
using dialects::Error;
using dialects::ErrorCode;

namespace {

constexpr std::size_t kCopyBelow =
    1024;  // smaller payloads travel with their frame's head in one piece

std::uint16_t close_code(const Error& error) {
  return static_cast<std::uint16_t>(4000 + info(error.code).status);
}

std::unique_ptr<session::StreamCarrier> make_carrier(const session::Hub& hub) {
  return std::make_unique<session::StreamCarrier>(session::StreamOptions{
      .heartbeat = hub.settings().heartbeat, .patience = 1, .max_age = {}, .max_bytes = 0});
}

}  // namespace

Connection::Connection(entry::Context& context, const Options& options, std::string address,
                       std::optional<native::Request> persons)
    : context_(context),
      options_(options),
      address_(std::move(address)),
      persons_(std::move(persons)),
      frames_(context.server.max_body),
      timer_(base::Timer::calling<&Connection::on_timer>(this)) {}

Connection::~Connection() = default;

void Connection::on_attached(net::Connection& connection) {
  connection_ = &connection;
  number_ = entry::next_connection();
  connection.shard().schedule_in(timer_, options_.attach_timeout);
  if (persons_) attach(*std::exchange(persons_, std::nullopt));
}

void Connection::on_data(net::Connection& connection, std::span<std::uint8_t> bytes) {
  while (connection.is_open() && !bytes.empty()) {
    if (is_stalled() || !connection.take_share()) {
      connection.leave_unread(bytes);
      break;
    }
    const auto message = frames_.read(bytes);
    if (frames_.fault()) return fail(*frames_.fault());
    if (message) {
      on_message(message);
    } else if (frames_.has_empty_fragment()) {
      count_noise();
    }
  }
  connection.hold_input(frames_.held_bytes());
}

// What is on its way to the session waits in another shard's memory, so it is bounded here.
bool Connection::is_stalled() {
  const auto is_full = [this] {
    return flow_->frames >= Port::kMostFrames || flow_->bytes >= Port::kMostBytes;
  };
  if (!flow_ || !is_full()) return false;
  flow_->stalled = true;
  // Looked at again, because the session may have taken all before the flag could be seen.
  if (!is_full() && flow_->stalled.exchange(false)) return false;
  connection_->pause_reading();
  return true;
}

void Connection::on_drained(net::Connection& connection) {
  bool starved = std::exchange(starved_, false);
  if (flow_) {
    flow_->queued = 0;
    starved = flow_->starved.exchange(false);
  }
  if (starved) entry::tell_drained(context_, connection.shard().index(), session_, carrier_)();
}

void Connection::count_noise() {
  const auto& settings = context_.shared.settings;
  if (closing_ ||
      noise_.take({settings.message_rate, settings.message_burst}, 1, connection_->shard().now())) {
    return;
  }
  const auto& row = session::info(session::End::rate_limited);
  send_text(native::end_control(row.name, row.sentence, 1000));
  close(row.close_code, row.name);
}

void Connection::on_message(const MessagePtr& message) {
  if (opcode::is_control(message->get_opcode())) return on_control(message);
  if (closing_) return;
  if (message->get_opcode() == opcode::binary) {
    return fail({status::unsupported_data, "text frames only"});
  }
  on_text(message->get_payload());
}

void Connection::on_control(const MessagePtr& message) {
  switch (message->get_opcode()) {
    case opcode::ping:
      count_noise();
      if (!closing_) connection_->write(control_frame(opcode::pong, message->get_payload()));
      break;
    case opcode::pong:
      count_noise();
      if (session_) {
        entry::at_session(context_, connection_->shard().index(), session_,
                          [id = session_](session::Hub& hub) {
                            if (auto* session = hub.find(id.serial)) session->heard();
                          });
      }
      break;
    case opcode::close:
      if (!std::exchange(closing_, true)) connection_->write(close_reply(message->get_payload()));
      connection_->close_after_flush();
      break;
    default: break;
  }
}

void Connection::on_text(std::string_view text) {
  auto decoded = native::decode_request(text);
  if (const auto* error = std::get_if<Error>(&decoded)) return refuse(*error);
  auto& request = std::get<native::Request>(decoded);
  if (request.ping) count_noise();
  if (closing_) return;
  if (!session_) return attach(std::move(request));
  if (request.open || request.resume || request.key) {
    return refuse(Error{.code = ErrorCode::bad_request,
                        .message = "This WebSocket has its session already.",
                        .hint = "`key`, `open` and `resume` belong into the first frame only."});
  }
  pass_on(std::move(request), text.size());
}

void Connection::attach(native::Request request) {
  if (!request.open && !request.resume) {
    return refuse(Error{
        .code = ErrorCode::bad_request,
        .message = "The first frame neither opens nor resumes a session.",
        .hint =
            R"(Send {"key":"…","open":{"room":"foo"},"carrier":"a1"} first; without a key the server makes one.)"});
  }
  auto& shard = connection_->shard();
  const auto here = shard.index();
  auto located = entry::locate(context_, request, address_, here, shard.now());
  if (const auto* error = std::get_if<Error>(&located)) return refuse(*error);
  timer_.cancel();
  const auto where = std::get<entry::Located>(std::move(located));
  session_ = where.id;
  carrier_ = entry::carrier_name(request);
  if (session_.shard != here) flow_ = std::make_shared<Flow>();
  const Port port(shard, connection_->id(), flow_);
  entry::at_session(
      context_, here, session_,
      [&context = context_, where, request = std::move(request), port,
       number = number_](session::Hub& hub) mutable {
        const bool messages = !request.messages.empty();
        const auto ping = request.ping;
        const auto result = entry::attach_stream(
            context, hub,
            {where, std::move(request), number, [&hub](bool) { return make_carrier(hub); },
             [port](const native::Welcome& welcome) {
               port.send_text(native::welcome_control(welcome));
               return std::make_unique<Sink>(port);
             }});
        if (const auto* error = std::get_if<Error>(&result)) {
          port.send_text(native::error_control(*error));
          port.close(close_code(*error), info(error->code).name);
        } else if (const auto* ended = std::get_if<session::End>(&result)) {
          port.close(session::info(*ended).close_code, session::info(*ended).name);
        } else {
          const auto& attached = std::get<entry::Attached>(result);
          if (attached.error) port.send_error(*attached.error);
          if (messages) port.send_text(native::up_control(attached.session->up()));
          if (ping) port.send_text(native::pong_control(*ping));
        }
      },
      [port] { port.abort(); });
}

void Connection::pass_on(native::Request request, std::size_t bytes) {
  const Port port(connection_->shard(), connection_->id(), flow_);
  if (flow_) {
    ++flow_->frames;
    flow_->bytes += bytes;
  }
  if (!request.carrier) request.carrier = carrier_;
  entry::at_session(
      context_, connection_->shard().index(), session_,
      [id = session_, request = std::move(request), port, bytes](session::Hub& hub) mutable {
        auto* const session = hub.find(id.serial);
        port.frame_taken(bytes);
        if (session == nullptr) return;  // its carriers were told why
        const bool messages = !request.messages.empty();
        const auto ping = request.ping;
        const auto error = session->process(entry::inputs_of(request, false, false));
        if (error) {
          port.send_error(*error);
          if (error->code == ErrorCode::rate_limited) {
            // Frames cannot be taken back; whoever returns sends again from `up`.
            const auto& row = session::info(session::End::rate_limited);
            port.send_text(native::end_control(row.name, row.sentence, 1000));
            port.close(row.close_code, row.name);
            return;
          }
        }
        if (messages) port.send_text(native::up_control(session->up()));
        if (ping) port.send_text(native::pong_control(*ping));
      },
      [port] { port.abort(); });
}

void Connection::refuse(const Error& error) {
  send_text(native::error_control(error));
  count_noise();
  if (!session_) close(close_code(error), info(error.code).name);
}

void Connection::send_text(const base::Bytes& text) {
  if (closing_) return;
  if (text.size() < kCopyBelow) {
    connection_->write(frame_head(opcode::text, text.size()).append(text.view()));
  } else {
    connection_->write(frame_head(opcode::text, text.size()));
    connection_->write(text);
  }
  if (flow_) flow_->queued = connection_->queued_bytes();
}

void Connection::ping() {
  if (!closing_) connection_->write(control_frame(opcode::ping, {}));
}

void Connection::close(std::uint16_t code, std::string_view reason) {
  if (std::exchange(closing_, true)) return;
  connection_->write(close_frame(code, reason));
  connection_->shard().schedule_in(timer_, options_.close_timeout);
}

void Connection::fail(const FrameFault& fault) {
  // After a broken frame nothing that follows can be read, the peer's close frame included.
  if (!std::exchange(closing_, true))
    connection_->write(close_frame(fault.close_code, fault.reason));
  connection_->close_after_flush();
}

void Connection::on_eof(net::Connection& connection) { connection.close_after_flush(); }

void Connection::on_timer() {
  // A timer runs in nobody's name. Without memory for the close frame the connection must still
  // end.
  connection_->shard().run_for(connection_->id(), [this](net::Connection&) { on_timeout(); });
}

void Connection::on_timeout() {
  if (closing_) return connection_->close_after_flush();
  const auto& row = session::info(session::End::no_attach);
  send_text(native::end_control(row.name, row.sentence, std::nullopt));
  close(row.close_code, row.name);
}

void Connection::on_closed(net::Connection& connection, net::CloseReason) {
  timer_.cancel();
  if (!session_) return;
  entry::detach(context_, connection.shard().index(), session_, carrier_, number_);
}

}  // namespace sigway::websocket
