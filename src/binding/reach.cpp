#include "binding/reach.h"

#include <atomic>

#include "base/reserve.h"

namespace sigway::binding {

std::uint64_t next_connection() noexcept {
  static std::atomic<std::uint64_t> next{1};
  return next.fetch_add(1, std::memory_order_relaxed);
}

void hear(Context& context, base::ShardIndex here, session::SessionId id) {
  at_session(context, here, id, [id](session::Hub& hub) {
    if (auto* session = hub.find(id.serial)) session->heard();
  });
}

void drained(Context& context, base::ShardIndex here, session::SessionId id,
             std::string_view carrier) {
  if (id.shard == here) {
    // After each message of a client that acknowledges nothing: without an allocation.
    if (auto* session = context.shared.hubs[here]->find(id.serial)) session->drained(carrier);
    return;
  }
  at_session(context, here, id, [id, carrier = std::string(carrier)](session::Hub& hub) {
    if (auto* session = hub.find(id.serial)) session->drained(carrier);
  });
}

std::function<void()> tell_drained(Context& context, base::ShardIndex here, session::SessionId id,
                                   std::string carrier) {
  return
      [&context, here, id, carrier = std::move(carrier)] { drained(context, here, id, carrier); };
}

void detach_when_gone(http::Exchange& exchange, Context& context, session::SessionId id,
                      std::uint64_t connection) {
  exchange.on_gone([&context, here = exchange.id().shard, id, connection] {
    detach(context, here, id, connection);
  });
}

void detach(Context& context, base::ShardIndex here, session::SessionId id,
            std::uint64_t connection) noexcept {
  if (id.shard == here) {
    auto* const session = context.shared.hubs[here]->find(id.serial);
    if (session != nullptr) session->detach(connection);
    return;
  }
  base::try_from_reserve([&] {
    at_session(context, here, id, [id, connection](session::Hub& hub) {
      if (auto* session = hub.find(id.serial)) session->detach(connection);
    });
  });
}

}  // namespace sigway::binding
