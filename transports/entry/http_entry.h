#pragma once

#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <variant>

#include "dialects/native.h"
#include "entry/entry.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"

/// The HTTP side that all native routes have in common: bodies, queries, refusals, the way to a
/// session's shard.
namespace sigway::entry {

/// The request in a POST body, or the refusal to answer with (415, 400).
std::variant<dialects::native::Request, http::Response> read_body(const http::Request& request);

/// A person's request to open, from the query of a GET (`room`, `name`, `capacity`), or the refusal
/// to answer with.
std::variant<dialects::native::Request, http::Response> read_query(const http::Request& request);

http::Response refusal(const dialects::Error& error);

/// 200 with JSON that nobody may keep.
http::Response answer(base::Bytes json);

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

/// Tells the session that a connection of shard `here`, the current one, is gone: also while memory
/// is short.
void detach(Context& context, base::ShardIndex here, session::SessionId id,
            const std::string& carrier, std::uint64_t connection) noexcept;

/// What a full connection of shard `here` does when it has room again: tells the session.
std::function<void()> tell_drained(Context& context, base::ShardIndex here, session::SessionId id,
                                   std::string carrier);

/// Sees to it that the session hears when the client of this exchange goes away.
void detach_when_gone(http::Exchange& exchange, Context& context, session::SessionId id,
                      std::string carrier, std::uint64_t connection);

/// `/v1/send`.
void send(Context& context, http::Exchange& exchange);

}  // namespace sigway::entry
