#include "websocket/port.h"

#include <string>

#include "websocket/connection.h"

namespace sigway::websocket {

template <typename Action>
void Port::act(Action action) const {
  const auto run = [shard = shard_, id = id_, action = std::move(action)]() {
    auto* const connection = shard->find(id);
    if (connection == nullptr) return;
    if (auto* socket = dynamic_cast<Connection*>(connection->handler())) action(*socket);
  };
  if (shard_->is_current_thread()) {
    run();
  } else {
    shard_->post(run);
  }
}

void Port::send_text(base::Bytes text) const {
  act([text = std::move(text)](Connection& socket) { socket.send_text(text); });
}

void Port::ping() const {
  act([](Connection& socket) { socket.ping(); });
}

void Port::close(std::uint16_t code, std::string_view reason) const {
  act([code, reason = std::string(reason)](Connection& socket) { socket.close(code, reason); });
}

}  // namespace sigway::websocket
