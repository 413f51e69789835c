#pragma once

#include <memory>
#include <optional>

#include "longpoll/poll_carrier.h"
#include "native_binding/entry.h"

namespace sigway::dialects::native {

/// A request to `/v1/poll`, decoded and located.
struct Poll {
  Located located;
  Request request;
  std::uint64_t connection = 0;  ///< names the request for `Session::detach`
  std::unique_ptr<longpoll::PollReply> reply;
};

/// Lets the poll in and answers or parks it. On the session's shard. Returns the refusal, after
/// which `reply` was not called; if none is returned it has been called or will be.
std::optional<Error> run_poll(binding::Context& context, session::Hub& hub, Poll poll);

}  // namespace sigway::dialects::native
