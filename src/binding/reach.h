#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "binding/context.h"
#include "http/exchange.h"

/// The way from a connection to its session, which may live on another shard.
namespace sigway::binding {

/// A number that names a connection to sessions (`Session::detach`), never used twice. Any thread.
std::uint64_t next_connection() noexcept;

/// Runs `task(hub)` on the session's shard: at once if it is `here`, the current one. If memory is
/// short there, `failed()` is called; here, std::bad_alloc tells the caller.
template <typename Task, typename Failed>
void at_session(Context& context, base::ShardIndex here, session::SessionId id, Task task,
                Failed failed) {
  auto* const hub = context.shared.hubs[id.shard];
  if (id.shard == here) {
    task(*hub);
  } else {
    // std::function wants copies; what is carried may only move.
    auto carried = std::make_shared<Task>(std::move(task));
    session::post(context.shared.hubs[here]->runner(), id.shard, [hub, carried, failed] {
      try {
        (*carried)(*hub);
      } catch (const std::bad_alloc&) {
        failed();
      }
    });
  }
}
template <typename Task>
void at_session(Context& context, base::ShardIndex here, session::SessionId id, Task task) {
  at_session(context, here, id, std::move(task), [] {});
}

/// Tells the session that its client has shown a sign of life.
void hear(Context& context, base::ShardIndex here, session::SessionId id);

/// Tells the session that a connection of shard `here`, the current one, is gone: also while memory
/// is short.
void detach(Context& context, base::ShardIndex here, session::SessionId id,
            std::uint64_t connection) noexcept;

/// Tells the session that a connection of shard `here`, the current one, has room again.
/// `carrier` is the name of its carrier.
void drained(Context& context, base::ShardIndex here, session::SessionId id,
             std::string_view carrier);

/// What a full connection of shard `here` does when it has room again: tells the session.
std::function<void()> tell_drained(Context& context, base::ShardIndex here, session::SessionId id,
                                   std::string carrier);

/// Sees to it that the session hears when the client of this exchange goes away.
void detach_when_gone(http::Exchange& exchange, Context& context, session::SessionId id,
                      std::uint64_t connection);

}  // namespace sigway::binding
