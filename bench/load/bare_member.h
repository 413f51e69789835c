#pragma once

#include <memory>

#include "member.h"

namespace sigway::load {

/// Clients without a protocol of their own: a payload is a frame, an event or a body as it is. For
/// the floor, for a relay on npm's ws, and for Nchan.
std::shared_ptr<Member> make_bare_member(Target target, Transport transport, Loop& loop,
                                         Listener& listener, Place place);

}  // namespace sigway::load
