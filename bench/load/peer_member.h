#pragma once

#include <memory>

#include "member.h"

namespace sigway::load {

/// Clients of Socket.IO, SockJS and PeerJS.
std::shared_ptr<Member> make_peer_member(Target target, Transport transport, Loop& loop,
                                         Listener& listener, Place place);

}  // namespace sigway::load
