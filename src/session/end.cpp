#include "session/end.h"

#include <array>

namespace sigway::session {
namespace {

constexpr std::array<EndInfo, kEndCount> kTable{{
    {End::moved, "moved", 4001, false, "The session has moved to another carrier."},
    {End::standby_timeout, "standby_timeout", 4002, false,
     "The carrier stood by and was not activated in time."},
    {End::stream_limit, "stream_limit", 4003, true,
     "The stream has run long enough; attach again to go on."},
    {End::silent, "silent", 4004, true, "Nothing was heard from the client for too long."},
    {End::rate_limited, "rate_limited", 4029, true,
     "Too many messages a second; come back a little later."},
    {End::draining, "draining", 4012, true,
     "The server is shutting down; come back a little later."},
    {End::no_attach, "no_attach", 4008, true,
     "The first frame with open or resume did not come in time."},
    {End::left, "left", 4100, false, "The session has ended: its client left."},
    {End::replaced, "replaced", 4101, false, "The session has ended: a newer one has replaced it."},
    {End::timeout, "timeout", 4102, false,
     "The session has ended: it had no carrier for too long."},
    {End::no_ack, "no_ack", 4103, false,
     "The session has ended: nothing was acknowledged after it opened."},
    {End::slow_consumer, "slow_consumer", 4104, false,
     "The session has ended: it did not keep up with its events."},
    {End::memory, "memory", 4105, false,
     "The session has ended: the server is short of memory, and this client's address held the "
     "most."},
    {End::full, "full", 4106, false,
     "The session has ended: its room is full, or has given its place to somebody else."},
    {End::name_taken, "name_taken", 4107, false,
     "The session has ended: somebody else holds its name, or has got it."},
}};

}  // namespace

const EndInfo& info(End end) noexcept { return kTable[static_cast<std::size_t>(end)]; }

dialects::Error gone(End reason) {
  return {.code = dialects::ErrorCode::gone,
          .message = std::string(info(reason).sentence),
          .reason = info(reason).name};
}

}  // namespace sigway::session
