#include "bus/rooms.h"

#include <algorithm>
#include <utility>

namespace sigway::bus {

namespace event = dialects::event;
using dialects::ErrorCode;
using session::SessionId;
using session::Settlement;

Rooms::Member* Rooms::find(Room& room, SessionId id) noexcept {
  const auto member = std::find_if(room.members.begin(), room.members.end(),
                                   [&](const Member& m) { return m.recipient.id == id; });
  return member == room.members.end() ? nullptr : &*member;
}

Rooms::Room* Rooms::find(const std::string& name) noexcept {
  const auto entry = rooms_.find(name);
  return entry == rooms_.end() ? nullptr : &entry->second;
}

std::vector<Recipient> Rooms::others(const Room& room, SessionId but) {
  std::vector<Recipient> recipients;
  recipients.reserve(room.members.size());
  for (const auto& member : room.members) {
    if (member.recipient.id != but) recipients.push_back(member.recipient);
  }
  return recipients;
}

void Rooms::join(const session::Caller& caller, const dialects::Join& join, SessionId replaces,
                 dialects::Re re) {
  auto [entry, created] = rooms_.try_emplace(join.room);
  auto& room = entry->second;
  if (created) {
    room.name = join.room;
    if (join.capacity) room.capacity = *join.capacity;
  }
  if (replaces && find(room, replaces) != nullptr) {
    // In one step, so that nobody else gets the place in between.
    remove(room, replaces, "replaced");
    admit(room, {caller, re});
    return;
  }
  if (const auto waits = std::find_if(
          room.waiting.begin(), room.waiting.end(),
          [&](const Waiting& waiting) { return replaces && waiting.caller.id == replaces; });
      waits != room.waiting.end()) {
    *waits = {caller, re};  // its turn passes on; it ends without an answer
    return;
  }
  const Waiting who{caller, re};
  if (room.probing == 0 && is_taken(room) &&
      !refusals_.may_probe(room.name, caller.address, outlet_.now())) {
    refuse(room, who);
    return;
  }
  room.waiting.push_back(who);
  serve_waiting(room);
}

bool Rooms::is_taken(const Room& room) noexcept {
  return room.members.size() >= room.capacity &&
         std::none_of(room.members.begin(), room.members.end(),
                      [](const Member& member) { return member.suspended; });
}

void Rooms::serve_waiting(Room& room) {
  while (!room.waiting.empty()) {
    if (room.members.size() >= room.capacity) {
      const auto suspended = std::find_if(room.members.begin(), room.members.end(),
                                          [](const Member& m) { return m.suspended; });
      if (suspended == room.members.end()) break;
      evict(room, suspended->recipient.id);
    }
    const auto next = std::move(room.waiting.front());
    room.waiting.pop_front();
    admit(room, next);
  }
  if (room.waiting.empty() || room.probing != 0) return;
  room.probe_round = next_round_++;
  room.probing = room.members.size();
  for (const auto& member : room.members) {
    outlet_.probe(member.recipient.id, session::Probe::ask,
                  [this, name = room.name, round = room.probe_round,
                   id = member.recipient.id](bool alive) { on_probed(name, round, id, alive); });
  }
}

void Rooms::on_probed(const std::string& name, std::uint64_t round, SessionId id, bool alive) {
  auto* room = find(name);
  if (room == nullptr || room->probe_round != round) return;
  --room->probing;
  if (!alive && !room->waiting.empty() && room->members.size() >= room->capacity &&
      find(*room, id) != nullptr) {
    evict(*room, id);
    const auto next = std::move(room->waiting.front());
    room->waiting.pop_front();
    admit(*room, next);
  }
  if (room->probing != 0) return;
  for (const auto& waiting : std::exchange(room->waiting, {})) {
    if (room->members.size() < room->capacity) {
      admit(*room, waiting);  // a member left while the others were asked
    } else {
      refuse(*room, waiting);
    }
  }
  erase_if_empty(name);
}

void Rooms::refuse(const Room& room, const Waiting& who) {
  refusals_.refused(room.name, who.caller.address, outlet_.now());
  const Recipient recipient{who.caller.id, who.caller.dialect, {}};
  outlet_.send(event::Full{room.name, room.capacity, who.re}, recipient);
  outlet_.settle(recipient.id, {Settlement::Kind::not_joined, room.name});
}

void Rooms::admit(Room& room, const Waiting& who) {
  refusals_.admitted(room.name, who.caller.address);
  Member member{{who.caller.id, who.caller.dialect, who.caller.peer},
                who.caller.name,
                room.next_join++,
                false};
  if (room.members.empty()) {
    outlet_.send(event::Created{room.name, member.peer(), member.join, room.capacity, who.re},
                 member.recipient);
  } else {
    event::Joined joined{room.name, member.peer(), member.join, room.capacity, {}, who.re};
    for (const auto& other : room.members) {
      joined.members.push_back({other.peer(), other.name, other.join, true, other.suspended});
    }
    outlet_.send(joined, member.recipient);
    outlet_.send(event::PeerJoined{room.name, member.peer(), member.name, member.join, false},
                 others(room, {}));
  }
  outlet_.settle(member.recipient.id, {Settlement::Kind::joined, room.name});
  room.members.push_back(std::move(member));
  if (room.members.size() == room.capacity) outlet_.send(event::Ready{room.name}, others(room, {}));
}

void Rooms::remove(Room& room, SessionId id, std::string_view reason) {
  const auto* member = find(room, id);
  if (member == nullptr) return;
  const auto peer = member->peer();
  room.members.erase(room.members.begin() + (member - room.members.data()));
  outlet_.send(event::PeerLeft{room.name, peer, std::string(reason)}, others(room, {}));
}

void Rooms::evict(Room& room, SessionId id) {
  const auto recipient = find(room, id)->recipient;
  remove(room, id, "place-lost");
  outlet_.send(event::PlaceLost{room.name}, recipient);
  outlet_.settle(id, {Settlement::Kind::place_lost, room.name});
}

void Rooms::leave(SessionId id, const std::string& name, std::string_view reason,
                  const session::Answer& answer) {
  if (auto* room = find(name)) {
    std::erase_if(room->waiting, [&](const Waiting& waiting) { return waiting.caller.id == id; });
    remove(*room, id, reason);
    serve_waiting(*room);
    erase_if_empty(name);
  }
  if (answer.dialect != nullptr)
    outlet_.send(event::Left{name, answer.re}, Recipient{id, answer.dialect, {}});
}

void Rooms::presence(SessionId id, const std::string& name, bool suspended) {
  auto* room = find(name);
  auto* member = room == nullptr ? nullptr : find(*room, id);
  if (member == nullptr || member->suspended == suspended) return;
  member->suspended = suspended;
  if (suspended) {
    outlet_.send(event::PeerSuspended{name, member->peer()}, others(*room, id));
    serve_waiting(*room);
  } else {
    outlet_.send(event::PeerResumed{name, member->peer()}, others(*room, id));
  }
}

void Rooms::renamed(SessionId id, const std::string& name, const std::string& new_name) {
  auto* room = find(name);
  auto* member = room == nullptr ? nullptr : find(*room, id);
  if (member == nullptr || member->name == new_name) return;
  member->name = new_name;
  outlet_.send(event::PeerNamed{name, member->peer(), new_name}, others(*room, id));
}

void Rooms::say(SessionId id, const dialects::Say& message, dialects::Re re) {
  auto* room = find(*message.room);
  auto* member = room == nullptr ? nullptr : find(*room, id);
  const Sender sender{id, re};
  if (member == nullptr) return outlet_.refuse(sender, {.code = ErrorCode::not_in_room});
  std::vector<Recipient> recipients;
  if (message.to.empty()) {
    recipients = others(*room, id);
    if (recipients.empty()) return outlet_.refuse(sender, {.code = ErrorCode::nobody_there});
  }
  for (const auto& address : message.to) {
    const auto to = std::find_if(room->members.begin(), room->members.end(),
                                 [&](const Member& m) { return m.peer() == address.value; });
    if (to == room->members.end()) {
      outlet_.refuse(sender, {.code = ErrorCode::no_such_peer, .to = address.value});
    } else {
      recipients.push_back(to->recipient);
    }
  }
  if (recipients.empty()) return;
  outlet_.send(event::Said{message.type, room->name, member->peer(), member->name, message.data},
               recipients, sender);
}

void Rooms::erase_if_empty(const std::string& name) {
  const auto* room = find(name);
  if (room != nullptr && room->members.empty() && room->waiting.empty() && room->probing == 0)
    rooms_.erase(name);
}

}  // namespace sigway::bus
