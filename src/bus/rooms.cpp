#include "bus/rooms.h"

#include <algorithm>
#include <utility>

#include "base/reserve.h"
#include "bus/names.h"

namespace sigway::bus {

namespace event = dialects::event;
using dialects::ErrorCode;
using session::SessionId;
using session::Settlement;

std::string_view series_of(std::string_view room) noexcept {
  return room.substr(0, room.find('\0'));
}

Rooms::Member* Rooms::find(Room& room, SessionId id) noexcept {
  const auto member = std::find_if(room.members.begin(), room.members.end(),
                                   [&](const Member& m) { return m.recipient.id == id; });
  return member == room.members.end() ? nullptr : &*member;
}

Rooms::Room* Rooms::find(const std::string& name) noexcept {
  const auto entry = rooms_.find(name);
  return entry == rooms_.end() ? nullptr : &entry->second;
}

std::string Rooms::filling(const std::string& series) {
  auto& room = series_[series];
  if (room.empty()) room = series + '\0' + std::to_string(next_of_series_++);
  return room;
}

void Rooms::close(const Room& room) noexcept {
  const auto entry = series_.find(series_of(room.name));
  if (entry != series_.end() && entry->second == room.name) series_.erase(entry);
}

void Rooms::add_others(const Room& room, SessionId but, std::vector<Recipient>& to) {
  to.reserve(to.size() + room.members.size());
  for (const auto& member : room.members) {
    if (member.recipient.id != but) to.push_back(member.recipient);
  }
}

void Rooms::join(const session::Caller& caller, const dialects::Join& join, SessionId replaces,
                 dialects::Re re) {
  const auto name = join.series ? filling(join.room) : join.room;
  auto [entry, created] = rooms_.try_emplace(name);
  auto& room = entry->second;
  if (created) {
    room.name = name;
    if (join.capacity) room.capacity = *join.capacity;
    room.quiet = join.quiet;
  }
  if (join.series &&
      !outlet_.shared().take_in_room(name, caller.address, outlet_.now(), session::kJoinEvents)) {
    outlet_.refuse({caller.id, re}, session::too_often_in_room());
    outlet_.settle(caller.id, {Settlement::Kind::joins_too_often, join.room});
    return erase_if_empty(name);
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
  if (room.waiting.empty() && room.members.size() < room.capacity) {
    admit(room, who);
    return;
  }
  if (room.quiet) {
    refuse(room, who);
    return;
  }
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
    admit_next(room);
  }
  if (room.waiting.empty() || room.probing != 0) return;
  room.probe_round = next_round_++;
  for (const auto& member : room.members) {
    // Whoever could not be asked is taken for alive.
    const bool is_asked = base::try_from_reserve([&] {
      outlet_.probe(member.recipient.id, session::Probe::ask,
                    [this, name = room.name, round = room.probe_round,
                     id = member.recipient.id](bool alive) { on_probed(name, round, id, alive); });
    });
    if (is_asked) ++room.probing;
  }
  if (room.probing == 0) refuse_waiting(room);
}

void Rooms::admit_next(Room& room) {
  const auto next = std::move(room.waiting.front());
  room.waiting.pop_front();
  admit(room, next);
}

void Rooms::refuse_waiting(Room& room) {
  while (!room.waiting.empty()) {
    if (room.members.size() < room.capacity) {
      admit_next(room);  // a member left while the others were asked
    } else {
      refuse(room, room.waiting.front());
      room.waiting.pop_front();
    }
  }
}

void Rooms::on_probed(const std::string& name, std::uint64_t round, SessionId id, bool alive) {
  auto* room = find(name);
  if (room == nullptr || room->probe_round != round) return;
  --room->probing;
  if (!alive && !room->waiting.empty() && room->members.size() >= room->capacity &&
      find(*room, id) != nullptr) {
    evict(*room, id);
    admit_next(*room);
  }
  if (room->probing != 0) return;
  refuse_waiting(*room);
  erase_if_empty(name);
}

void Rooms::refuse(const Room& room, const Waiting& who) {
  outlet_.or_end(who.caller.id, [&] {
    if (!room.quiet) {
      refusals_.refused(room.name, who.caller.address, outlet_.now());
      outlet_.shared().give_back_join(room.name, who.caller.address);
    }
    const Recipient recipient{who.caller.id, who.caller.dialect, {}};
    outlet_.send(event::Full{room.name, room.capacity, who.re}, recipient);
    outlet_.settle(recipient.id, {Settlement::Kind::not_joined, room.name});
  });
}

template <typename Make>
bool Rooms::tell_others(const Room& room, SessionId but, Make make) noexcept {
  if (room.quiet) return true;
  bool has_told = false;
  const auto tell = [&] {
    auto recipients = recipients_.take();
    add_others(room, but, *recipients);
    has_told = outlet_.send(make(), *recipients);
  };
  if (base::try_from_reserve(tell)) return has_told;
  for (const auto& member : room.members) {
    if (member.recipient.id != but) outlet_.end(member.recipient.id);
  }
  return false;
}

void Rooms::admit(Room& room, const Waiting& who) {
  if (!room.quiet) refusals_.admitted(room.name, who.caller.address);
  const auto id = who.caller.id;
  const auto before = room.members.size();
  bool is_in = false;
  bool has_all = false;
  // Perhaps in the turn of another client.
  outlet_.or_end(id, [&] {
    room.members.push_back({{id, who.caller.dialect, who.caller.peer},
                            who.caller.name,
                            who.caller.address,
                            room.next_join++});
    const auto& member = room.members.back();
    if (before == 0) {
      outlet_.send(event::Created{room.name, member.peer(), member.join, room.capacity, who.re},
                   member.recipient);
    } else {
      event::Joined joined{room.name, member.peer(), member.join, room.capacity, {}, who.re};
      for (std::size_t i = 0; i < before; ++i) {
        const auto& other = room.members[i];
        joined.members.push_back(
            {other.peer(), other.name, other.join, true, other.told_suspended});
      }
      has_all = outlet_.send(joined, member.recipient) && hand_over_kept(room);
    }
    outlet_.settle(id, {Settlement::Kind::joined, room.name});
    is_in = true;
  });
  if (!is_in) {
    // The session ends, and of a series it does not know in which room it is.
    if (room.members.size() > before) room.members.pop_back();
    return;
  }
  if (room.drains)
    outlet_.or_end(id, [&] { outlet_.settle(id, {Settlement::Kind::room_drains, room.name}); });
  const auto& member = room.members.back();
  if (before != 0) {
    tell_others(room, id, [&] {
      return event::PeerJoined{room.name, member.peer(), member.name, member.join, false};
    });
  }
  if (room.members.size() == room.capacity) {
    if (!tell_others(room, {}, [&] { return event::Ready{room.name}; })) has_all = false;
    close(room);
  }
  if (!has_all) return;
  // After what may fail: else it waits for the next one.
  for (auto& other : room.members) other.kept.reset();
}

bool Rooms::hand_over_kept(const Room& room) {
  const auto& newest = room.members.back();
  for (const auto& member : room.members) {
    if (member.kept == nullptr) continue;
    // On its way to another shard it counts in the budget, as any message does.
    const auto transit = std::make_shared<session::Transit>(
        mailboxes_.memory, outlet_.shared().settings.outbox_limit / 2);
    for (const auto& said : member.kept->messages()) {
      if (!outlet_.send(said, newest.recipient,
                        {.id = member.recipient.id, .transit = transit.get()}))
        return false;
    }
  }
  return true;
}

std::optional<dialects::Error> Rooms::keep(const Room& room, Member& member,
                                           const dialects::Say& message) {
  if (member.kept == nullptr) {
    // Whoever comes in takes half of an outbox of one sender, and in other words it may be longer.
    member.kept = std::make_unique<Kept>(mailboxes_, member.address,
                                         outlet_.shared().settings.outbox_limit / 4);
  }
  if (member.kept->add({message.type, room.name, member.peer(), member.name, message.data}))
    return std::nullopt;
  return dialects::Error{.code = ErrorCode::mailbox_full,
                         .message = "Nobody else is in the room, and too much waits there already.",
                         .hint = "Say no more until somebody comes in."};
}

void Rooms::remove(Room& room, SessionId id, std::string_view reason) {
  auto* const member = find(room, id);
  if (member == nullptr) return;
  const auto gone = std::move(*member);
  room.members.erase(room.members.begin() + (member - room.members.data()));
  tell_others(room, {}, [&] {
    return event::PeerLeft{room.name, gone.peer(), std::string(reason)};
  });
  end_drain(room);
}

void Rooms::evict(Room& room, SessionId id) {
  const Recipient recipient{id, find(room, id)->recipient.dialect, {}};
  remove(room, id, "place-lost");
  outlet_.or_end(id, [&] {
    outlet_.send(event::PlaceLost{room.name}, recipient);
    outlet_.settle(id, {Settlement::Kind::place_lost, room.name});
  });
}

void Rooms::leave(SessionId id, const std::string& name, std::string_view reason,
                  const session::Answer& answer) {
  // A session that has not heard in which room of a series it is names the series.
  const auto series = series_.find(name);
  const auto place = series == series_.end() ? name : series->second;
  if (auto* room = find(place)) {
    std::erase_if(room->waiting, [&](const Waiting& waiting) { return waiting.caller.id == id; });
    remove(*room, id, reason);
    serve_waiting(*room);
    erase_if_empty(place);
  }
  if (answer.dialect != nullptr)
    outlet_.send(event::Left{name, answer.re}, Recipient{id, answer.dialect, {}});
}

void Rooms::presence(SessionId id, const std::string& name, bool suspended, session::Tell tell) {
  auto* room = find(name);
  auto* member = room == nullptr ? nullptr : find(*room, id);
  if (member == nullptr) return;
  const bool was_suspended = std::exchange(member->suspended, suspended);
  if (tell == session::Tell::now && member->told_suspended != suspended) {
    member->told_suspended = suspended;
    if (suspended) {
      tell_others(*room, id, [&] { return event::PeerSuspended{name, member->peer()}; });
    } else {
      tell_others(*room, id, [&] { return event::PeerResumed{name, member->peer()}; });
    }
  }
  if (suspended && !was_suspended) serve_waiting(*room);
}

void Rooms::look(const session::Caller& caller, const std::string& name, dialects::Re re) {
  const auto* const room = find(name);
  outlet_.send(event::Seen{name, room == nullptr ? 0 : room->members.size(), re},
               Recipient{caller.id, caller.dialect, {}});
}

void Rooms::renamed(SessionId id, const std::string& name, const std::string& new_name) {
  auto* room = find(name);
  auto* member = room == nullptr ? nullptr : find(*room, id);
  if (member == nullptr || member->name == new_name) return;
  member->name = new_name;
  tell_others(*room, id, [&] { return event::PeerNamed{name, member->peer(), new_name}; });
}

void Rooms::say(const session::Spoken& spoken, dialects::Say message, session::Transit* transit) {
  const auto id = spoken.by->id;
  auto* room = find(*message.room);
  auto* member = room == nullptr ? nullptr : find(*room, id);
  const Sender sender{.id = id, .re = spoken.re, .transit = transit, .speaker = spoken.by};
  if (member == nullptr) return outlet_.refuse(sender, {.code = ErrorCode::not_in_room});
  auto scratch = recipients_.take();
  auto& recipients = *scratch;
  if (message.to.empty()) {
    add_others(*room, message.echo ? SessionId{} : id, recipients);
    if (recipients.empty()) {
      auto refused = message.keep ? keep(*room, *member, message)
                                  : dialects::Error{.code = ErrorCode::nobody_there};
      if (refused) outlet_.refuse(sender, *std::move(refused));
      return;
    }
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
  // They may be gone, and the sender could not know.
  if (room->is_drained) return outlet_.refuse(sender, {.code = ErrorCode::draining});
  outlet_.send(event::Said{std::move(message.type), room->name, member->peer(), member->name,
                           std::move(message.data)},
               recipients, sender);
}

void Rooms::drain(SessionId id, const std::string& name) {
  auto* const room = find(name);
  auto* const member = room == nullptr ? nullptr : find(*room, id);
  if (member == nullptr) return;  // the session hears that it has lost its place
  member->drains = true;
  if (!std::exchange(room->drains, true)) {
    for (const auto& other : room->members) {
      const auto its = other.recipient.id;
      outlet_.or_end(its, [&] { outlet_.settle(its, {Settlement::Kind::room_drains, name}); });
    }
  }
  end_drain(*room);
}

void Rooms::end_drain(Room& room) {
  const bool all_drain = std::all_of(room.members.begin(), room.members.end(),
                                     [](const Member& member) { return member.drains; });
  if (!room.drains || !all_drain) return;
  room.is_drained = true;
  for (const auto& member : room.members) {
    const auto its = member.recipient.id;
    outlet_.or_end(its, [&] { outlet_.settle(its, {Settlement::Kind::room_drained, room.name}); });
  }
}

std::size_t Rooms::members(const std::string& name) const noexcept {
  const auto entry = rooms_.find(name);
  return entry == rooms_.end() ? 0 : entry->second.members.size();
}

void Rooms::erase_if_empty(const std::string& name) {
  const auto* room = find(name);
  if (room == nullptr || !room->members.empty() || !room->waiting.empty() || room->probing != 0)
    return;
  close(*room);
  rooms_.erase(name);
}

}  // namespace sigway::bus
