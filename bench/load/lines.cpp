#include "lines.h"

#include <stdexcept>
#include <utility>

namespace sigway::load {

void RequestLine::ask(std::string request, Answer answer) {
  questions_.push_back({std::move(request), std::move(answer)});
  if (questions_.size() == 1) send();
}

void RequestLine::send() {
  if (!socket_) socket_ = loop_.connect(*this);
  socket_->write(questions_.front().request);
}

void RequestLine::rest() {
  is_resting_ = !is_idle();
  if (is_idle()) loop_.discard(std::move(socket_));
}

std::size_t RequestLine::received(std::string_view bytes) {
  if (questions_.empty()) throw std::runtime_error("an answer that nobody has asked for");
  const auto head = read_head(bytes);
  if (!head) return 0;
  std::string_view body = bytes.substr(head->size);
  std::size_t used = 0;
  if (head->is_chunked) {
    // From its beginning each time: answers of this kind come from few servers, and are short.
    chunks_ = {};
    body_.clear();
    used = head->size + chunks_.read(body, body_);
    if (!chunks_.is_complete()) return 0;
    body = body_;
  } else {
    if (!head->length)
      throw std::runtime_error("an answer of unknown length: " + std::string(head->text));
    if (body.size() < *head->length) return 0;
    body = body.substr(0, *head->length);
    used = head->size + *head->length;
  }
  if (head->status / 100 != 2) {
    throw std::runtime_error("refused: " + std::string(head->text) + "\n" + std::string(body));
  }
  const auto question = std::move(questions_.front());
  questions_.pop_front();
  if (!questions_.empty()) send();
  question.answer(*head, body);
  if (is_resting_ && is_idle()) rest();
  return used;
}

void RequestLine::closed() {
  loop_.discard(std::move(socket_));
  if (!questions_.empty())
    throw std::runtime_error("the server closed instead of an answer to " +
                             questions_.front().request.substr(0, 60));
}

StreamLine::StreamLine(Loop& loop, User& user, std::string_view request)
    : loop_(loop), user_(user), socket_(loop.connect(*this)) {
  socket_->write(request);
}

std::size_t StreamLine::received(std::string_view bytes) {
  std::size_t used = 0;
  if (!has_head_) {
    const auto head = read_head(bytes);
    if (!head) return 0;
    if (head->status != 200) throw std::runtime_error("refused: " + std::string(bytes));
    has_head_ = true;
    is_chunked_ = head->is_chunked;
    used = head->size;
    user_.stream_opened();
  }
  if (!is_chunked_) return used + user_.stream_received(bytes.substr(used));
  used += chunks_.read(bytes.substr(used), body_);
  if (!body_.empty()) body_.erase(0, user_.stream_received(body_));
  if (body_.empty()) body_.shrink_to_fit();
  if (chunks_.is_complete()) closed();
  return used;
}

void StreamLine::closed() {
  if (std::exchange(is_closed_, true)) return;
  loop_.discard(std::move(socket_));
  user_.stream_closed();
}

WebSocketLine::WebSocketLine(Loop& loop, User& user, std::string_view path,
                             std::string_view subprotocol)
    : loop_(loop), user_(user), socket_(loop.connect(*this)) {
  socket_->write(upgrade_request(path, subprotocol));
}

std::size_t WebSocketLine::received(std::string_view bytes) {
  std::size_t used = 0;
  if (!is_open_) {
    const auto head = read_head(bytes);
    if (!head) return 0;
    if (head->status != 101) throw std::runtime_error("refused: " + std::string(bytes));
    is_open_ = true;
    used = head->size;
    user_.socket_opened();
  }
  while (!is_closed_) {
    const auto frame = read_frame(bytes.substr(used));
    if (!frame) break;
    used += frame->size;
    if (frame->opcode == Opcode::text || frame->opcode == Opcode::binary) {
      user_.socket_text(frame->payload);
    } else if (frame->opcode == Opcode::ping) {
      socket_->write(client_frame(Opcode::pong, frame->payload));
    } else if (frame->opcode == Opcode::close) {
      const auto& payload = frame->payload;
      const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(payload[at]); };
      const auto code = payload.size() < 2 ? 1005U : (byte(0) * 256U + byte(1));
      is_closed_ = true;
      loop_.discard(std::move(socket_));
      user_.socket_closed(static_cast<std::uint16_t>(code));
    }
  }
  return used;
}

void WebSocketLine::closed() {
  if (std::exchange(is_closed_, true)) return;
  loop_.discard(std::move(socket_));
  user_.socket_closed(1006);
}

}  // namespace sigway::load
