// The rooms of the registry.

#include <algorithm>
#include <utility>

#include "dialects/json_writer.h"
#include "socketio_rtcmulti/json.h"
#include "socketio_rtcmulti/registry.h"
#include "socketio_rtcmulti/registry_change.h"

namespace sigway::dialects::socketio::rtcmulti {

Registry::Room* Registry::room_named(const std::string& name) noexcept {
  const auto room = rooms_.find(name);
  return room == rooms_.end() ? nullptr : &room->second;
}

const Registry::Room* Registry::room_named(const std::string& name) const noexcept {
  const auto room = rooms_.find(name);
  return room == rooms_.end() ? nullptr : &room->second;
}

// -- Steps of a change, which cannot fail

Registry::Departure Registry::departure_of(const User& user) noexcept {
  if (user.room == nullptr) return {};
  const auto& room = *user.room;
  const auto& participants = room.participants;
  const bool is_owner = participants.front() == &user;
  if (participants.size() == 1 || (is_owner && (user.closes_rooms || room.one_way)))
    return {.closes = true};
  if (!is_owner) return {};
  const auto next = std::find_if(participants.begin() + 1, participants.end(),
                                 [](const User* each) { return each->is_present(); });
  return {.heir = next == participants.end() ? participants[1] : *next};
}

void Registry::depart(User& user, Departure departure) noexcept {
  if (user.room == nullptr) return;
  auto& room = *user.room;
  if (departure.closes) return close_room(room);
  auto& participants = room.participants;
  if (departure.heir != nullptr) {
    const auto heir = std::find(participants.begin(), participants.end(), departure.heir);
    std::rotate(participants.begin(), heir, heir + 1);
  }
  std::erase(participants, &user);
  user.room = nullptr;
  if (user.is_present()) disappear(room);
  recount(room);
}

/// One more of its participants is present.
void Registry::appear(Room& room) noexcept {
  if (++room.present != 1 || room.listing == nullptr) return;
  auto& [living, dormant] = *room.listing;
  living.splice(living.end(), dormant, room.place);
}

/// One less is.
void Registry::disappear(Room& room) noexcept {
  if (--room.present != 0 || room.listing == nullptr) return;
  auto& [living, dormant] = *room.listing;
  dormant.splice(dormant.end(), living, room.place);
}

/// Leaves the row of a room without anything in it.
void Registry::vacate(Room& room) noexcept {
  for (auto* const user : room.participants) user->room = nullptr;
  if (room.listing != nullptr) {
    auto& [living, dormant] = *room.listing;
    (room.present == 0 ? dormant : living).erase(room.place);
    if (living.empty() && dormant.empty()) listed_.erase(listed_.find(room.identifier));
  }
  release(room);
  auto& account = *room.account;
  --account.entries;
  room = Room{.name = room.name};
  drop(account);
}

void Registry::close_room(Room& room) noexcept {
  vacate(room);
  rooms_.erase(rooms_.find(room.name));
}

// -- Changes

void Registry::announce_owner(const User& user, Departure departure, Change& change) {
  if (departure.heir != nullptr)
    change.add("set-isInitiator-true", quoted(user.room->name), {departure.heir->id});
}

/// For those who come back to find that it has gone on without them.
template <typename IsOut>
void Registry::announce_end(const Room& room, const IsOut& is_out, Change& change) {
  std::vector<std::string> out;
  for (const auto* const each : room.participants) {
    if (is_out(*each)) out.push_back(each->id);
  }
  if (out.empty()) return;
  change.add("closed-entire-session", quoted(room.name) + "," + room.participants.front()->extra,
             std::move(out));
}

Refusal Registry::open(const std::string& peer, Wish wish, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return kNoSuchUser;
  Change change(notices);
  const auto departure = departure_of(*user);
  // Whoever has it, without the user.
  auto* const before = room_named(wish.room);
  const bool is_own = before != nullptr && before == user->room;
  const auto present = before == nullptr || (is_own && departure.closes)
                           ? 0
                           : before->present - (is_own && user->is_present() ? 1 : 0);
  const bool may_open =
      present == 0 && may_store(*user->account, 2 * wish.extra.size() + wish.session.size());
  if (!may_open || !is_own) announce_owner(*user, departure, change);
  if (!may_open) {
    change.prepare();
    depart(*user, departure);
    change.commit(*this, user);
    return present == 0 ? kCannotStore : kNoSuchRoom;
  }
  if (before != nullptr)
    announce_end(
        *before, [&](const User& each) { return &each != user; }, change);
  Room made{.participants = {user},
            .extra = wish.extra,
            .session = std::move(wish.session),
            .identifier = std::move(wish.identifier),
            .password = std::move(wish.password),
            .account = user->account,
            .capacity = std::min<std::size_t>(wish.most_participants, capacity_),
            .one_way = wish.one_way};
  const auto [row, is_new] = rooms_.try_emplace(std::move(wish.room));
  Undo forget_row([&, row = row, is_new = is_new] {
    if (is_new) rooms_.erase(row);
  });
  Place place;
  if (!made.identifier.empty()) {
    place.push_back(&row->second);
    made.place = place.begin();
    made.listing = &listed_[made.identifier];
  }
  Undo forget_listing([&] {
    if (made.listing != nullptr && made.listing->living.empty() && made.listing->dormant.empty())
      listed_.erase(listed_.find(made.identifier));
  });
  change.prepare();

  forget_row.dismiss();
  forget_listing.dismiss();
  auto& room = row->second;
  // First into the list, or the end of another room could be the end of the list.
  if (made.listing != nullptr) made.listing->dormant.splice(made.listing->dormant.end(), place);
  if (before != nullptr) vacate(room);
  depart(*user, departure);
  room = std::move(made);
  room.name = row->first;
  ++room.account->entries;
  user->room = &room;
  user->extra = std::move(wish.extra);
  if (user->is_present()) appear(room);
  recount(*user);
  recount(room);
  change.commit(*this, user);
  return {};
}

Refusal Registry::join(const std::string& peer, Wish wish, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return kNoSuchUser;
  Change change(notices);
  const auto departure = departure_of(*user);
  auto* const room = room_named(wish.room);
  const auto entrance = entrance_of(*user, departure, room, wish);
  announce_owner(*user, departure, change);
  if (entrance.owner != nullptr)
    change.add("set-isInitiator-true", quoted(room->name), {entrance.owner->id});
  const bool is_let_in = entrance.refusal.empty();
  if (entrance.is_crowded) {
    announce_end(
        *room, [&](const User& each) { return &each != user && !keeps_place(*room, each); },
        change);
  }
  if (is_let_in && room != user->room && room->participants.size() == room->participants.capacity())
    room->participants.reserve(2 * room->participants.size());
  const bool is_stored = may_store(*user->account, wish.extra.size());
  change.prepare();

  depart(*user, departure);
  if (is_stored) user->extra = std::move(wish.extra);
  if (is_let_in) {
    if (entrance.is_crowded) make_room(*room);
    room->participants.push_back(user);
    user->room = room;
    if (user->is_present()) appear(*room);
    recount(*room);
  }
  recount(*user);
  change.commit(*this, user);
  return entrance.refusal;
}

/// Whether the user may come into the room, once it has left the one that it is in.
Registry::Entrance Registry::entrance_of(const User& user, Departure departure, const Room* room,
                                         const Wish& wish) noexcept {
  const bool is_own = room != nullptr && room == user.room;
  if (room == nullptr || (is_own && departure.closes)) return {.refusal = kNoSuchRoom};
  if (room->present == (is_own && user.is_present() ? 1U : 0U)) return {.refusal = kNoSuchRoom};
  if (!room->password.empty() && room->password != wish.password)
    return {.refusal = kWrongPassword};
  const auto& participants = room->participants;
  if (participants.size() - (is_own ? 1 : 0) < room->capacity) return {};
  const auto stays = [&](const User* each) { return each != &user && keeps_place(*room, *each); };
  const auto staying =
      static_cast<std::size_t>(std::count_if(participants.begin(), participants.end(), stays));
  if (staying >= room->capacity) return {.refusal = kRoomFull};
  Entrance entrance{.is_crowded = true};
  const auto* const owner =
      departure.heir != nullptr && is_own ? departure.heir : participants.front();
  if (!stays(owner))
    entrance.owner = *std::find_if(participants.begin(), participants.end(), stays);
  return entrance;
}

/// Others do not get its place in a full room. A room that ends with its owner waits for it.
bool Registry::keeps_place(const Room& room, const User& user) noexcept {
  return user.is_present() || (room.one_way && room.participants.front() == &user);
}

void Registry::make_room(Room& room) noexcept {
  const auto* const owner = room.participants.front();
  std::erase_if(room.participants, [&](User* user) {
    if (user->is_present() || (room.one_way && user == owner)) return false;
    user->room = nullptr;
    return true;
  });
}

Refusal Registry::close(const std::string& peer, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr || user->room == nullptr) return kNoSuchRoom;
  auto& room = *user->room;
  if (room.participants.front() != user) return kNotTheOwner;
  Change change(notices);
  announce_end(
      room, [&](const User& each) { return &each != user; }, change);
  change.prepare();

  close_room(room);
  change.commit(*this, user);
  return {};
}

Refusal Registry::set_password(const std::string& peer, std::string password) {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  if (user == nullptr || user->room == nullptr) return kInNoRoom;
  auto& room = *user->room;
  if (room.participants.front() != user) return kNotTheOwner;
  room.password = std::move(password);
  recount(room);
  return {};
}

// -- Questions

std::optional<Registry::Presence> Registry::presence(const std::string& name) const {
  const std::scoped_lock lock(mutex_);
  const auto* const room = room_named(name);
  if (room == nullptr || room->present == 0) return std::nullopt;
  return Presence{room->extra, room->participants.size() >= room->capacity,
                  !is_blank(room->password)};
}

bool Registry::has_room(const std::string& room) const {
  const std::scoped_lock lock(mutex_);
  return room_named(room) != nullptr;
}

std::optional<std::string> Registry::room_of(const std::string& peer) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  if (user == nullptr || user->room == nullptr) return std::nullopt;
  return std::string(user->room->name);
}

std::vector<std::string> Registry::askable(const std::string& peer) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  if (user == nullptr || user->room == nullptr) return {};
  std::vector<std::string> ids;
  for (const auto* const participant : user->room->participants) {
    if (participant != user) ids.push_back(participant->id);
    if (user->room->one_way) break;
  }
  return ids;
}

Refusal Registry::check_password(const std::string& name, std::string_view password) const {
  const std::scoped_lock lock(mutex_);
  const auto* const room = room_named(name);
  if (room == nullptr) return kNoSuchRoom;
  if (room->password.empty()) return kNoPassword;
  return room->password == password ? Refusal() : kWrongPassword;
}

std::string Registry::row_of(const Room& room) {
  std::string participants;
  for (const auto* const each : room.participants)
    participants.append(participants.empty() ? "[" : ",").append(quoted(each->current_id()));
  participants += ']';
  std::string row;
  JsonWriter(row)
      .number("maxParticipantsAllowed", room.capacity)
      .text("owner", room.participants.front()->current_id())
      .raw("participants", participants)
      .raw("extra", room.extra)
      .optional_raw("session", room.session)
      .text("sessionid", room.name)
      .boolean("isRoomFull", room.participants.size() >= room.capacity)
      .boolean("isPasswordProtected", !is_blank(room.password))
      .close();
  return row;
}

std::string Registry::list(const std::string& identifier) const {
  const std::scoped_lock lock(mutex_);
  std::string rows;
  if (const auto listed = listed_.find(identifier); listed != listed_.end()) {
    for (const auto* const room : listed->second.living) {
      const auto row = row_of(*room);
      if (rows.size() + row.size() > kMostListed) break;
      rows.append(rows.empty() ? "" : ",").append(row);
    }
  }
  return "[" + rows + "]";
}

std::size_t Registry::rooms() const {
  const std::scoped_lock lock(mutex_);
  return rooms_.size();
}

}  // namespace sigway::dialects::socketio::rtcmulti
