#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "dialects/error.h"
#include "dialects/payload.h"

namespace sigway::dialects {

/// The number of the message that an event answers; 0 answers `open` and is left out on the wire.
using Re = std::uint64_t;

struct RosterEntry {
  std::string peer;
  std::string name;  ///< empty: none
  std::uint64_t join = 0;
  bool polite = false;  ///< the reader's role toward this member
  bool suspended = false;
};

namespace event {
struct Created {
  std::string room, peer;
  std::uint64_t join = 0;
  std::uint32_t capacity = 0;
  Re re = 0;
};
struct Joined {
  std::string room, peer;
  std::uint64_t join = 0;
  std::uint32_t capacity = 0;
  std::vector<RosterEntry> members;
  Re re = 0;
};
struct Ready {
  std::string room;
};
struct Full {
  std::string room;
  std::uint32_t capacity = 0;
  Re re = 0;
};
struct Left {
  std::string room;
  Re re = 0;
};
struct PlaceLost {
  std::string room;
};
struct PeerJoined {
  std::string room, peer, name;
  std::uint64_t join = 0;
  bool polite = false;
};
struct PeerNamed {
  std::string room, peer, name;  ///< empty name: logged out
};
struct PeerSuspended {
  std::string room, peer;
};
struct PeerResumed {
  std::string room, peer;
};
struct PeerLeft {
  std::string room, peer, reason;
};
struct LoggedIn {
  std::string name;
  Re re = 0;
};
struct LoggedOut {
  std::string name;
  Re re = 0;
};
struct NameLost {
  std::string name;
};
struct Stored {
  std::string to;  ///< with its `@`
  std::uint32_t lifetime_seconds = 0;
  Re re = 0;
};
/// The answer to `Look`.
struct Seen {
  std::string room;
  std::size_t members = 0;
  Re re = 0;
};
struct Refused {
  Error error;
  Re re = 0;
  std::string name = {};  ///< of whoever is told; empty: none
};
/// Mail with a lifetime of its own (`Say::lifetime`) was not read in time.
struct Expired {
  std::string to;    ///< with its `@`
  std::string name;  ///< of its sender when it was sent; empty: none
};
struct Said {
  std::string type;
  std::string room;  ///< or the topic; empty: it came by name, or is a reply
  std::string from, name;
  Payload data;
  std::size_t receivers = 0;  ///< of what was published: how many subscribers it goes to
};
}  // namespace event

/// What a session is told, whatever dialect it speaks.
using Event = std::variant<event::Created, event::Joined, event::Ready, event::Full, event::Left,
                           event::PlaceLost, event::PeerJoined, event::PeerNamed,
                           event::PeerSuspended, event::PeerResumed, event::PeerLeft,
                           event::LoggedIn, event::LoggedOut, event::NameLost, event::Stored,
                           event::Seen, event::Refused, event::Expired, event::Said>;

/// An event in the words of one dialect, without its number: encoded once, shared by every outbox
/// and connection it goes to, also across shards.
using EncodedEvent = std::shared_ptr<const Frame>;

}  // namespace sigway::dialects
