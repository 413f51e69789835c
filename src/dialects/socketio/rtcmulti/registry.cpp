#include "socketio_rtcmulti/registry.h"

#include <algorithm>
#include <new>
#include <utility>

#include "dialects/json_writer.h"
#include "socketio_rtcmulti/json.h"

namespace sigway::dialects::socketio::rtcmulti {
namespace {

/// Of a user or a room without its texts: the rows of its tables.
constexpr std::size_t kRow = 512;
/// Of a contact: the node and its text.
constexpr std::size_t kContact = 96;

}  // namespace

Registry::~Registry() { budget_.release(base::MemoryPart::registry, bytes_); }

// -- Lookups

const Registry::User* Registry::find(const std::string& peer) const noexcept {
  const auto user = users_.find(peer);
  return user == users_.end() ? nullptr : &user->second;
}

Registry::User* Registry::find(const std::string& peer) noexcept {
  const auto user = users_.find(peer);
  return user == users_.end() ? nullptr : &user->second;
}

const std::string* Registry::peer_of(const std::string& id) const noexcept {
  const auto peer = ids_.find(id);
  return peer == ids_.end() ? nullptr : &peer->second;
}

Registry::User* Registry::find_by_id(const std::string& id) noexcept {
  const auto* const peer = peer_of(id);
  return peer == nullptr ? nullptr : find(*peer);
}

std::vector<std::string> Registry::ids_of(const Peers& peers) const {
  std::vector<std::string> ids;
  ids.reserve(peers.size());
  for (const auto& peer : peers) {
    if (const auto* user = find(peer)) ids.push_back(user->id);
  }
  return ids;
}

bool Registry::is_present(const std::string& peer) const noexcept {
  const auto* const user = find(peer);
  return user != nullptr && user->connections != 0;
}

bool Registry::lives(const Room& room) const noexcept {
  return std::any_of(room.participants.begin(), room.participants.end(),
                     [this](const std::string& peer) { return is_present(peer); });
}

// -- Bytes

std::size_t Registry::cost_of(const User& user) noexcept {
  std::size_t bytes = kRow + 2 * user.id.capacity() + user.extra.capacity() + user.room.capacity() +
                      user.message_event.capacity() + user.contacts.size() * kContact;
  for (const auto& event : user.listens) bytes += sizeof(std::string) + event.capacity();
  return bytes;
}

std::size_t Registry::cost_of(const Room& room) noexcept {
  return kRow + room.extra.capacity() + room.session.capacity() + 2 * room.identifier.capacity() +
         room.password.capacity() + room.participants.size() * kContact;
}

template <typename Entry>
void Registry::recount(Entry& entry) noexcept {
  const auto cost = cost_of(entry);
  budget_.charge(base::MemoryPart::registry, cost);
  bytes_ += cost;
  release(std::exchange(entry.counted, cost));
}

void Registry::release(std::size_t counted) noexcept {
  budget_.release(base::MemoryPart::registry, counted);
  bytes_ -= counted;
}

bool Registry::may_store(std::size_t more) const noexcept {
  return bytes_ + more <= kMostBytes && !budget_.exceeded();
}

// -- Users

void Registry::enter(const std::string& peer, Entrant entrant, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  if (const auto* const before = peer_of(entrant.id); before != nullptr && *before != peer)
    take_leave(std::string(*before), notices);
  auto& user = users_[peer];
  user.id = std::move(entrant.id);
  if (may_store(entrant.extra.size())) user.extra = std::move(entrant.extra);
  if (user.extra.empty()) user.extra = "{}";
  user.closes_rooms = entrant.closes_rooms;
  user.message_event = std::move(entrant.message_event);
  ids_[user.id] = peer;
  recount(user);
}

void Registry::leave(const std::string& peer, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  take_leave(peer, notices);
}

void Registry::forget(const std::string& peer) noexcept {
  const std::scoped_lock lock(mutex_);
  if (auto* user = find(peer)) leave_room(peer, *user, nullptr);
  remove(peer);
}

void Registry::take_leave(const std::string& peer, Notices& notices) {
  auto* const user = find(peer);
  if (user == nullptr) return;
  if (!user->contacts.empty())
    notices.push_back({"user-disconnected", quoted(user->id), ids_of(user->contacts)});
  leave_room(peer, *user, &notices);
  remove(peer);
}

void Registry::remove(const std::string& peer) noexcept {
  const auto entry = users_.find(peer);
  if (entry == users_.end()) return;
  auto& user = entry->second;
  const auto contacts = std::exchange(user.contacts, {});
  for (const auto& contact : contacts) {
    if (auto* const other = find(contact)) {
      other->contacts.erase(peer);
      recount(*other);
    }
  }
  if (const auto id = ids_.find(user.id); id != ids_.end() && id->second == peer) ids_.erase(id);
  release(user.counted);
  users_.erase(entry);
}

void Registry::connected(const std::string& peer) noexcept {
  const std::scoped_lock lock(mutex_);
  if (auto* const user = find(peer)) ++user->connections;
}

void Registry::disconnected(const std::string& peer) noexcept {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user != nullptr && user->connections != 0) --user->connections;
}

bool Registry::rename(const std::string& peer, const std::string& id) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr || !ids_.try_emplace(id, peer).second) return false;
  ids_.erase(user->id);
  user->id = id;
  recount(*user);
  return true;
}

std::optional<std::string> Registry::id_of(const std::string& peer) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  return user == nullptr ? std::nullopt : std::optional(user->id);
}

bool Registry::has(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  return peer_of(id) != nullptr;
}

Registry::Updated Registry::set_extra(const std::string& peer, std::string extra,
                                      Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr || !may_store(2 * extra.size())) return {.is_stored = false};
  user->extra = std::move(extra);
  recount(*user);
  auto hearers = user->contacts;
  const auto room = rooms_.find(user->room);
  if (room != rooms_.end()) {
    auto& participants = room->second.participants;
    hearers.insert(participants.begin(), participants.end());
    if (participants.front() == peer) {
      room->second.extra = user->extra;
      recount(room->second);
    }
  }
  hearers.erase(peer);
  if (!hearers.empty()) {
    notices.push_back(
        {"extra-data-updated", quoted(user->id) + "," + user->extra, ids_of(hearers)});
  }
  return {.is_in_room = room != rooms_.end()};
}

std::optional<std::string> Registry::extra_of(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto* const peer = peer_of(id);
  const auto* const user = peer == nullptr ? nullptr : find(*peer);
  return user == nullptr ? std::nullopt : std::optional(user->extra);
}

std::optional<Registry::Meeting> Registry::meet(const std::string& peer, const std::string& id,
                                                bool may_begin) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  const auto* const other_peer = peer_of(id);
  auto* const other = find_by_id(id);
  if (user == nullptr || other == nullptr) return std::nullopt;
  Meeting meeting{.extra = user->extra};
  // Another connection of the same session may have taken that id just now.
  if (other == user) return meeting;
  const bool has_room = user->contacts.size() < kMostContacts &&
                        other->contacts.size() < kMostContacts && may_store(2 * kContact);
  if (may_begin && has_room && user->contacts.insert(*other_peer).second) {
    try {
      other->contacts.insert(peer);
    } catch (const std::bad_alloc&) {
      user->contacts.erase(*other_peer);
      throw;
    }
    meeting.is_new = true;
    recount(*user);
    recount(*other);
  }
  return meeting;
}

bool Registry::part(const std::string& peer, const std::string& id) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  auto* const other = find_by_id(id);
  if (user == nullptr || other == nullptr || user->contacts.erase(*peer_of(id)) == 0) return false;
  other->contacts.erase(peer);
  recount(*user);
  recount(*other);
  return true;
}

bool Registry::listen(const std::string& peer, const std::string& event) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return false;
  auto& listens = user->listens;
  if (std::find(listens.begin(), listens.end(), event) != listens.end()) return true;
  if (listens.size() == kMostListeners) return false;
  listens.push_back(event);
  recount(*user);
  return true;
}

bool Registry::listens(const std::string& peer, const std::string& event) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  return user != nullptr &&
         std::find(user->listens.begin(), user->listens.end(), event) != user->listens.end();
}

std::vector<std::string> Registry::others(const std::string& peer, std::string_view event,
                                          std::size_t most) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  if (user == nullptr) return {};
  Peers chosen;
  const auto choose = [&](const std::string& other) {
    if (other == peer || chosen.size() >= most) return;
    const auto* const hearer = find(other);
    if (hearer != nullptr && hearer->message_event != event) chosen.insert(other);
  };
  if (const auto room = rooms_.find(user->room); room != rooms_.end()) {
    for (const auto& participant : room->second.participants) choose(participant);
  }
  for (const auto& contact : user->contacts) choose(contact);
  for (auto other = users_.begin(); other != users_.end() && chosen.size() < most; ++other)
    choose(other->first);
  return ids_of(chosen);
}

// -- Rooms

void Registry::leave_room(const std::string& peer, User& user, Notices* notices) {
  const auto entry = rooms_.find(user.room);
  if (entry == rooms_.end()) return;
  auto& room = entry->second;
  auto& participants = room.participants;
  const bool is_owner = participants.front() == peer;
  if (participants.size() == 1 || (is_owner && user.closes_rooms)) return close_room(entry);
  std::erase(participants, peer);
  if (is_owner) {
    const auto next = std::find_if(participants.begin(), participants.end(),
                                   [this](const std::string& other) { return is_present(other); });
    if (next != participants.end()) std::rotate(participants.begin(), next, next + 1);
    if (notices != nullptr) {
      notices->push_back(
          {"set-isInitiator-true", quoted(entry->first), {find(participants.front())->id}});
    }
  }
  user.room.clear();
  recount(room);
}

void Registry::close_room(Rooms::iterator entry) noexcept {
  const auto& room = entry->second;
  for (const auto& peer : room.participants) find(peer)->room.clear();
  if (const auto listed = listed_.find(room.identifier); listed != listed_.end()) {
    std::erase(listed->second, entry->first);
    if (listed->second.empty()) listed_.erase(listed);
  }
  release(room.counted);
  rooms_.erase(entry);
}

/// Whoever is not present gives up its place.
void Registry::make_room(Room& room) noexcept {
  std::erase_if(room.participants, [this](const std::string& peer) {
    if (is_present(peer)) return false;
    find(peer)->room.clear();
    return true;
  });
  recount(room);
}

Refusal Registry::open(const std::string& peer, Wish wish, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return kNoSuchUser;
  leave_room(peer, *user, &notices);
  if (const auto room = rooms_.find(wish.room); room != rooms_.end()) {
    if (lives(room->second)) return kNoSuchRoom;
    close_room(room);
  }
  if (!may_store(2 * wish.extra.size() + wish.session.size())) return kNoSuchRoom;
  if (!wish.identifier.empty()) listed_[wish.identifier].push_back(wish.room);
  Room made{.participants = {peer},
            .extra = wish.extra,
            .session = std::move(wish.session),
            .identifier = std::move(wish.identifier),
            .password = std::move(wish.password),
            .capacity = std::min<std::size_t>(wish.most_participants, capacity_),
            .one_way = wish.one_way};
  user->room = wish.room;
  auto& room = rooms_.emplace(std::move(wish.room), std::move(made)).first->second;
  user->extra = std::move(wish.extra);
  user->closes_rooms = user->closes_rooms || wish.one_way;
  recount(*user);
  recount(room);
  return {};
}

Refusal Registry::join(const std::string& peer, Wish wish, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return kNoSuchUser;
  leave_room(peer, *user, &notices);
  if (may_store(wish.extra.size())) user->extra = std::move(wish.extra);
  recount(*user);
  const auto entry = rooms_.find(wish.room);
  if (entry == rooms_.end() || !lives(entry->second)) return kNoSuchRoom;
  auto& room = entry->second;
  if (!room.password.empty() && room.password != wish.password) return kWrongPassword;
  if (room.participants.size() >= room.capacity) {
    const auto owner = room.participants.front();
    make_room(room);
    if (room.participants.front() != owner) {
      notices.push_back(
          {"set-isInitiator-true", quoted(entry->first), {find(room.participants.front())->id}});
    }
  }
  if (room.participants.size() >= room.capacity) return kRoomFull;
  user->room = wish.room;
  room.participants.push_back(peer);
  recount(*user);
  recount(room);
  return {};
}

Refusal Registry::close(const std::string& peer, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  const auto entry = user == nullptr ? rooms_.end() : rooms_.find(user->room);
  if (entry == rooms_.end()) return kNoSuchRoom;
  const auto& room = entry->second;
  if (room.participants.front() != peer) return kNotTheOwner;
  Peers rest(room.participants.begin() + 1, room.participants.end());
  if (!rest.empty()) {
    notices.push_back(
        {"closed-entire-session", quoted(entry->first) + "," + user->extra, ids_of(rest)});
  }
  close_room(entry);
  return {};
}

std::optional<Registry::Presence> Registry::presence(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = rooms_.find(name);
  if (entry == rooms_.end() || !lives(entry->second)) return std::nullopt;
  const auto& room = entry->second;
  return Presence{room.extra, room.participants.size() >= room.capacity, !is_blank(room.password)};
}

bool Registry::has_room(const std::string& room) const {
  const std::scoped_lock lock(mutex_);
  return rooms_.find(room) != rooms_.end();
}

std::optional<std::string> Registry::room_of(const std::string& peer) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  return user == nullptr || user->room.empty() ? std::nullopt : std::optional(user->room);
}

std::vector<std::string> Registry::askable(const std::string& peer) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  const auto entry = user == nullptr ? rooms_.end() : rooms_.find(user->room);
  if (entry == rooms_.end()) return {};
  const auto& room = entry->second;
  std::vector<std::string> ids;
  for (const auto& participant : room.participants) {
    if (participant != peer) ids.push_back(find(participant)->id);
    if (room.one_way) break;
  }
  return ids;
}

Refusal Registry::set_password(const std::string& peer, std::string password) {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  const auto entry = user == nullptr ? rooms_.end() : rooms_.find(user->room);
  if (entry == rooms_.end()) return kInNoRoom;
  auto& room = entry->second;
  if (room.participants.front() != peer) return kNotTheOwner;
  room.password = std::move(password);
  recount(room);
  return {};
}

Refusal Registry::check_password(const std::string& room, std::string_view password) const {
  const std::scoped_lock lock(mutex_);
  const auto entry = rooms_.find(room);
  if (entry == rooms_.end()) return kNoSuchRoom;
  if (entry->second.password.empty()) return kNoPassword;
  return entry->second.password == password ? Refusal() : kWrongPassword;
}

std::string Registry::row_of(const std::string& name, const Room& room) const {
  std::string participants;
  for (const auto& peer : room.participants)
    participants.append(participants.empty() ? "[" : ",").append(quoted(find(peer)->id));
  participants += ']';
  std::string row;
  JsonWriter(row)
      .number("maxParticipantsAllowed", room.capacity)
      .text("owner", find(room.participants.front())->id)
      .raw("participants", participants)
      .raw("extra", room.extra)
      .optional_raw("session", room.session)
      .text("sessionid", name)
      .boolean("isRoomFull", room.participants.size() >= room.capacity)
      .boolean("isPasswordProtected", !is_blank(room.password))
      .close();
  return row;
}

std::string Registry::list(const std::string& identifier) const {
  const std::scoped_lock lock(mutex_);
  std::string rows;
  if (const auto listed = listed_.find(identifier); listed != listed_.end()) {
    // All wait for the lock: also rooms that are not shown, all of whose users were cut, cost time.
    const auto& names = listed->second;
    for (std::size_t i = 0; i < std::min(names.size(), kMostLookedAt); ++i) {
      const auto& name = names[i];
      const auto room = rooms_.find(name);
      if (room == rooms_.end() || !lives(room->second)) continue;
      const auto row = row_of(name, room->second);
      if (rows.size() + row.size() > kMostListed) break;
      rows.append(rows.empty() ? "" : ",").append(row);
    }
  }
  return "[" + rows + "]";
}

std::size_t Registry::users() const {
  const std::scoped_lock lock(mutex_);
  return users_.size();
}

std::size_t Registry::rooms() const {
  const std::scoped_lock lock(mutex_);
  return rooms_.size();
}

}  // namespace sigway::dialects::socketio::rtcmulti
