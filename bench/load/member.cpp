#include "member.h"

#include <stdexcept>

#include "bare_member.h"
#include "native_member.h"
#include "peer_member.h"

namespace sigway::load {

std::string_view name_of(Transport transport) {
  switch (transport) {
    case Transport::websocket: return "websocket";
    case Transport::sse: return "sse";
    case Transport::poll: return "poll";
  }
  return "?";
}

void Member::join(std::uint32_t) { throw std::runtime_error("this target knows no joins"); }

void Member::switch_to(Transport) {
  throw std::runtime_error("this target cannot change the transport");
}

std::shared_ptr<Member> make_member(Target target, Transport transport, Loop& loop,
                                    Listener& listener, Place place) {
  switch (target) {
    case Target::native: return std::make_shared<NativeMember>(transport, loop, listener, place);
    case Target::floor:
    case Target::nchan: return make_bare_member(target, transport, loop, listener, place);
    case Target::ws:
      if (transport != Transport::websocket) break;
      return make_bare_member(target, transport, loop, listener, place);
    case Target::socketio:
      if (transport == Transport::sse) break;
      return make_peer_member(target, transport, loop, listener, place);
    case Target::sockjs: return make_peer_member(target, transport, loop, listener, place);
    case Target::peerjs:
      if (transport != Transport::websocket) break;
      return make_peer_member(target, transport, loop, listener, place);
  }
  throw std::runtime_error("this target does not have the transport " +
                           std::string(name_of(transport)));
}

}  // namespace sigway::load
