#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "loop.h"
#include "payload.h"

namespace sigway::load {

enum class Transport { websocket, sse, poll };
std::string_view name_of(Transport transport);

/// Where a member belongs.
struct Place {
  std::uint32_t room = 0;
  std::uint32_t slot = 0;      ///< from 0
  std::uint32_t capacity = 2;  ///< members of the room
};

class Member;

/// What members tell the scenario.
struct Listener {
  Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  virtual ~Listener() = default;

  /// It is in its room, and the room is complete, as far as the server tells.
  virtual void ready(Member& member) = 0;
  virtual void message(Member& member, const Stamp& stamp) = 0;
  /// After leave().
  virtual void left(Member&) {}
  /// After join().
  virtual void joined(Member&) {}
  /// After switch_to(): the new transport brings the events.
  virtual void switched(Member&) {}
};

/// One client. What the server should not have said or done throws.
class Member {
 public:
  Member(Loop& loop, Listener& listener, Place place)
      : loop_(loop), listener_(listener), place_(place) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  virtual ~Member() = default;

  const Place& place() const { return place_; }

  /// Connects, and takes its place.
  virtual void open() = 0;
  /// To all others in the room.
  virtual void say(std::string_view payload) = 0;
  /// Leaves the room and the server; `Listener::left` follows, perhaps at once.
  virtual void leave() = 0;
  /// Leaves the room, if it is in one, for a room with that number, in one request.
  virtual void join(std::uint32_t room);
  virtual void switch_to(Transport transport);
  /// Once a second: acknowledges what no message of its own has acknowledged.
  virtual void tick() {}
  /// Closes connections that it does not need while it says nothing.
  virtual void rest() {}

 protected:
  Loop& loop() { return loop_; }
  Listener& listener() { return listener_; }

 private:
  Loop& loop_;
  Listener& listener_;
  Place place_;
};

/// The servers under test, by the protocol that they speak.
enum class Target { native, floor, ws, nchan, socketio, sockjs, peerjs };

/// Throws if the target does not have the transport.
std::shared_ptr<Member> make_member(Target target, Transport transport, Loop& loop,
                                    Listener& listener, Place place);

}  // namespace sigway::load
