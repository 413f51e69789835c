#pragma once

#include <memory>
#include <optional>

#include "entry/entry.h"
#include "longpoll/poll_carrier.h"

namespace sigway::longpoll {

/// A request to `/v1/poll`, decoded and located.
struct Poll {
  entry::Located located;
  dialects::native::Request request;
  std::uint64_t connection = 0;  ///< names the request for `Session::detach`
  std::unique_ptr<PollReply> reply;
};

/// Lets the poll in and answers or parks it. On the session's shard. Returns the refusal, after
/// which `reply` was not called; if none is returned it has been called or will be.
std::optional<dialects::Error> run(entry::Context& context, session::Hub& hub, Poll poll);

}  // namespace sigway::longpoll
