#include "websocket/port.h"

#include <algorithm>
#include <string>

#include "base/reserve.h"
#include "websocket/connection.h"

namespace sigway::websocket {

template <typename Action>
void Port::act(Action action) const {
  const auto run = [shard = shard_, id = id_, action = std::move(action)]() {
    shard->run_for(id, [&](net::Connection& connection) {
      if (auto* socket = dynamic_cast<Connection*>(connection.handler())) action(*socket);
    });
  };
  if (shard_->is_current_thread()) {
    run();
  } else {
    base::retry_from_reserve([&] { shard_->post(run); });
  }
}

std::size_t Port::room() const {
  if (flow_) return flow_->down.room();
  auto* const connection = shard_->find(id_);
  if (connection == nullptr) return 0;
  const auto room = kQueue - std::min(kQueue, connection->queued_bytes());
  if (room == 0) act([](Connection& socket) { socket.starve(); });
  return room;
}

std::size_t Port::unsent() const {
  if (flow_) return flow_->down.unsent();
  auto* const connection = shard_->find(id_);
  if (connection == nullptr) return 0;
  const auto unsent = connection->queued_bytes();
  if (unsent != 0) act([](Connection& socket) { socket.starve(); });
  return unsent;
}

void Port::send(dialects::Frame::Kind kind, base::Bytes bytes) const {
  if (!flow_ && shard_->is_current_thread()) {
    shard_->run_for(id_, [&](net::Connection& connection) {
      if (auto* socket = dynamic_cast<Connection*>(connection.handler()))
        socket->send(kind, std::move(bytes));
    });
    return;
  }
  if (!flow_) {
    act([kind, bytes = std::move(bytes)](Connection& socket) { socket.send(kind, bytes); });
    return;
  }
  const auto size = bytes.size();
  flow_->down.set_out(size);
  act([kind, bytes = std::move(bytes), size, flow = flow_](Connection& socket) {
    socket.send(kind, bytes);
    flow->down.arrived(size);
  });
}

void Port::send(const std::shared_ptr<const dialects::Frame>& frames) const {
  for (const auto* frame = frames.get(); frame != nullptr; frame = frame->more.get())
    send(frame->kind, std::shared_ptr<const std::string>(frames, &frame->bytes));
}

void Port::count_noise() const {
  act([](Connection& socket) { socket.count_noise(); });
}

void Port::message_taken(std::size_t bytes) const {
  if (!flow_) return;
  flow_->bytes -= bytes;
  const auto left = flow_->messages.fetch_sub(1) - 1;
  if (left > kMostMessages / 2 || flow_->bytes > kMostBytes / 2) return;
  if (!flow_->stalled.exchange(false)) return;
  act([](Connection& socket) { socket.go_on(); });
}

void Port::pause_reading() const {
  act([](Connection& socket) { socket.pause_reading(); });
}

void Port::resume_reading() const {
  act([](Connection& socket) { socket.resume_reading(); });
}

void Port::ping(std::string_view payload) const {
  act([payload = std::string(payload)](Connection& socket) { socket.ping(payload); });
}

void Port::abort() const noexcept {
  const auto cut = [shard = shard_, id = id_] {
    if (auto* const connection = shard->find(id)) connection->abort(net::CloseReason::memory);
  };
  if (shard_->is_current_thread()) return cut();
  base::try_from_reserve([&] { shard_->post(cut); });
}

void Port::close(std::uint16_t code, std::string_view reason) const {
  act([code, reason = std::string(reason)](Connection& socket) { socket.close(code, reason); });
}

}  // namespace sigway::websocket
