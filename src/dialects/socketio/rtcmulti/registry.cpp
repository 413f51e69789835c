// Users: their ids, their contacts, what they say about themselves. The rooms are in
// registry_rooms.cpp.

#include "socketio_rtcmulti/registry.h"

#include <algorithm>
#include <utility>

#include "socketio_rtcmulti/json.h"
#include "socketio_rtcmulti/registry_change.h"

namespace sigway::dialects::socketio::rtcmulti {
namespace {

/// Of a user or a room without its texts: the rows of its tables.
constexpr std::size_t kRow = 640;
/// Of a contact: its nodes at both.
constexpr std::size_t kContact = 2 * 48;
/// Of an id that was asked for: its nodes, without its text.
constexpr std::size_t kAsked = 192;
/// Of a notice without its texts.
constexpr std::size_t kNotice = 128;

}  // namespace

Registry::~Registry() { budget_.release(base::MemoryPart::registry, bytes_); }

// -- Lookups

const Registry::User* Registry::find(std::string_view peer) const noexcept {
  const auto user = users_.find(peer);
  return user == users_.end() ? nullptr : &user->second;
}

Registry::User* Registry::find(std::string_view peer) noexcept {
  const auto user = users_.find(peer);
  return user == users_.end() ? nullptr : &user->second;
}

Registry::User* Registry::find_by_id(const std::string& id) const noexcept {
  const auto user = ids_.find(id);
  return user == ids_.end() ? nullptr : user->second;
}

// -- Bytes

std::size_t Registry::cost_of(const User& user) noexcept {
  static_assert(sizeof(User) + 256 <= kRow);
  auto bytes = kRow + 2 * user.id.capacity() + user.extra.capacity() +
               user.message_event.capacity() + user.begun * kContact +
               user.contacts.bucket_count() * sizeof(void*);
  for (const auto& event : user.listens) bytes += sizeof(std::string) + event.capacity();
  for (const auto& id : user.asked) bytes += kAsked + 2 * id.capacity();
  for (const auto& unsaid : user.unsaid) {
    for (const auto& notice : unsaid.notices) {
      bytes += kNotice + notice.arguments.capacity();
      for (const auto& id : notice.to) bytes += sizeof(std::string) + id.capacity();
    }
  }
  return bytes;
}

std::size_t Registry::cost_of(const Room& room) noexcept {
  static_assert(sizeof(Room) + 256 <= kRow);
  return kRow + room.extra.capacity() + room.session.capacity() + 2 * room.identifier.capacity() +
         room.password.capacity() + room.participants.capacity() * sizeof(void*);
}

bool Registry::may_store(const Account& account, std::size_t more) const noexcept {
  return bytes_ + more <= kMostBytes && account.bytes + more <= kMostOfAddress &&
         !budget_.exceeded();
}

Registry::Account& Registry::account_of(base::AddressKey address) {
  auto& account = accounts_[address];
  account.address = address;
  return account;
}

void Registry::drop(Account& account) noexcept {
  if (account.entries == 0) accounts_.erase(accounts_.find(account.address));
}

std::size_t Registry::bytes_of(base::AddressKey address) const {
  const std::scoped_lock lock(mutex_);
  const auto account = accounts_.find(address);
  return account == accounts_.end() ? 0 : account->second.bytes;
}

// -- Coming and going

void Registry::enter(const std::string& peer, Entrant entrant, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  if (find(peer) != nullptr) return;
  Change change(notices);
  auto& account = account_of(entrant.address);
  Undo forget_account([&] { drop(account); });
  if (!may_store(account, entrant.extra.size()) || entrant.extra.empty()) entrant.extra = "{}";
  const auto row = users_.try_emplace(peer).first;
  Undo forget_user([&] { users_.erase(row); });
  const auto [id, is_new] = ids_.try_emplace(entrant.id, &row->second);
  Undo forget_id([&, is_new = is_new, id = id] {
    if (is_new) ids_.erase(id);
  });
  // One that has asked for another id is there still: the bus has answered, but the answer is on
  // its way.
  auto* const before = id->second != &row->second ? id->second : nullptr;
  const bool is_gone = before != nullptr && before->asked.empty();
  if (is_gone) announce_leave(*before, change);
  change.prepare();

  forget_account.dismiss();
  forget_user.dismiss();
  forget_id.dismiss();
  id->second = &row->second;
  if (is_gone) {
    remove(*before);
  } else if (before != nullptr && before->id == entrant.id) {
    take_id(*before, before->asked.begin());
  }
  auto& user = row->second;
  user.peer = row->first;
  user.account = &account;
  ++account.entries;
  user.id = std::move(entrant.id);
  user.extra = std::move(entrant.extra);
  user.closes_rooms = entrant.closes_rooms;
  user.message_event = std::move(entrant.message_event);
  recount(user);
  change.commit(*this, &user);
}

void Registry::leave(const std::string& peer, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return;
  Change change(notices);
  announce_leave(*user, change);
  change.prepare(false);
  remove(*user);
  change.commit(*this, nullptr);
}

void Registry::forget(const std::string& peer) noexcept {
  const std::scoped_lock lock(mutex_);
  if (auto* const user = find(peer)) remove(*user);
}

void Registry::announce_leave(const User& user, Change& change) {
  change.add_unsaid(user);
  std::vector<std::string> contacts;
  contacts.reserve(user.contacts.size());
  for (const auto& [other, contact] : user.contacts) contacts.push_back(other->id);
  change.add("user-disconnected", quoted(user.current_id()), std::move(contacts));
  announce_owner(user, departure_of(user), change);
}

void Registry::remove(User& user) noexcept {
  depart(user, departure_of(user));
  while (!user.contacts.empty()) separate(user, *user.contacts.begin()->first);
  give_up_id(user, user.id);
  for (const auto& id : user.asked) give_up_id(user, id);
  release(user);
  auto& account = *user.account;
  --account.entries;
  users_.erase(users_.find(user.peer));
  drop(account);
}

void Registry::said(std::string_view peer, std::uint64_t ticket) noexcept {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return;
  user->unsaid.remove_if([&](const Unsaid& unsaid) { return unsaid.ticket == ticket; });
  recount(*user);
}

void Registry::connected(const std::string& peer) noexcept {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user != nullptr && ++user->connections == 1 && user->room != nullptr) appear(*user->room);
}

void Registry::disconnected(const std::string& peer) noexcept {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr || user->connections == 0) return;
  if (--user->connections == 0 && user->room != nullptr) disappear(*user->room);
}

// -- Ids

bool Registry::rename(const std::string& peer, const std::string& id) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr || user->asked.size() == kMostAsked) return false;
  std::list<std::string> next(1, id);
  if (!ids_.try_emplace(id, user).second) return false;
  user->asked.splice(user->asked.end(), next);
  recount(*user);
  return true;
}

void Registry::renamed(const std::string& peer, std::string_view id) noexcept {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return;
  const auto given = std::find(user->asked.begin(), user->asked.end(), id);
  if (given != user->asked.end()) take_id(*user, given);
}

/// What it has asked for before that is answered, too.
void Registry::take_id(User& user, std::list<std::string>::iterator given) noexcept {
  for (auto id = user.asked.begin(); id != given; ++id) give_up_id(user, *id);
  give_up_id(user, user.id);
  user.id = std::move(*given);
  user.asked.erase(user.asked.begin(), std::next(given));
  recount(user);
}

void Registry::give_up_id(const User& user, std::string_view id) noexcept {
  const auto entry = ids_.find(id);
  if (entry != ids_.end() && entry->second == &user) ids_.erase(entry);
}

std::optional<std::string> Registry::not_renamed(const std::string& peer,
                                                 std::string_view id) noexcept {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr) return std::nullopt;
  const auto refused =
      id.empty() ? user->asked.begin() : std::find(user->asked.begin(), user->asked.end(), id);
  if (refused == user->asked.end()) return std::nullopt;
  give_up_id(*user, *refused);
  auto taken = std::move(*refused);
  user->asked.erase(refused);
  recount(*user);
  return taken;
}

std::optional<std::string> Registry::id_of(const std::string& peer) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find(peer);
  return user == nullptr ? std::nullopt : std::optional(user->current_id());
}

bool Registry::has(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  return find_by_id(id) != nullptr;
}

// -- Extra data

Registry::Updated Registry::set_extra(const std::string& peer, std::string extra,
                                      Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  if (user == nullptr || !may_store(*user->account, 2 * extra.size())) return {.is_stored = false};
  auto* const room = user->room;
  const bool is_owner = room != nullptr && room->participants.front() == user;
  std::vector<const User*> hearers;
  for (const auto& [other, contact] : user->contacts) hearers.push_back(other);
  if (room != nullptr) {
    for (auto* const other : room->participants) {
      if (other != user && !user->contacts.contains(other)) hearers.push_back(other);
    }
  }
  std::vector<std::string> ids;
  ids.reserve(hearers.size());
  for (const auto* const hearer : hearers) ids.push_back(hearer->id);
  Change change(notices);
  change.add("extra-data-updated", quoted(user->current_id()) + "," + extra, std::move(ids));
  auto of_room = is_owner ? extra : std::string();
  change.prepare();

  user->extra = std::move(extra);
  recount(*user);
  if (is_owner) {
    room->extra = std::move(of_room);
    recount(*room);
  }
  change.commit(*this, user);
  return {.is_in_room = room != nullptr};
}

std::optional<std::string> Registry::extra_of(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto* const user = find_by_id(id);
  return user == nullptr ? std::nullopt : std::optional(user->extra);
}

// -- Contacts

std::optional<Registry::Meeting> Registry::meet(const std::string& peer, const std::string& id,
                                                bool may_begin, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  auto* const other = find_by_id(id);
  if (user == nullptr || other == nullptr) return std::nullopt;
  Meeting meeting{.extra = user->extra};
  // Another connection of the same session may have taken that id just now.
  if (other == user || !may_begin || user->contacts.contains(other)) return meeting;
  if (!may_store(*user->account, kContact) || !may_meet(*user, *other)) return meeting;
  Change change(notices);
  change.add("user-connected", quoted(user->current_id()), {other->id});
  const auto theirs = other->contacts
                          .try_emplace(user, Contact{.is_stranger = is_stranger(*user, *other),
                                                     .address = user->account->address})
                          .first;
  Undo forget_theirs([&] { other->contacts.erase(theirs); });
  const auto own =
      user->contacts.try_emplace(other, Contact{.is_own = true, .address = other->account->address})
          .first;
  Undo forget_own([&] { user->contacts.erase(own); });
  change.prepare();

  forget_theirs.dismiss();
  forget_own.dismiss();
  ++user->begun;
  meeting.is_new = true;
  recount(*other);
  recount(*user);
  change.commit(*this, user);
  return meeting;
}

bool Registry::is_stranger(const User& user, const User& other) noexcept {
  return user.room == nullptr || user.room != other.room;
}

/// Strangers, however many, leave room for those whom a user meets in its room, or writes to.
bool Registry::may_meet(const User& user, const User& other) noexcept {
  if (user.contacts.size() >= kMostContacts || other.contacts.size() >= kMostContacts) return false;
  if (!is_stranger(user, other)) return true;
  std::size_t strangers = 0;
  std::size_t of_address = 0;
  for (const auto& [each, contact] : other.contacts) {
    if (!contact.is_stranger) continue;
    ++strangers;
    if (contact.address == user.account->address) ++of_address;
  }
  return strangers < kMostStrangers && of_address < kMostStrangersOfAddress;
}

void Registry::separate(User& user, User& other) noexcept {
  for (auto [from, to] : {std::pair(&user, &other), std::pair(&other, &user)}) {
    const auto contact = from->contacts.find(to);
    if (contact->second.is_own) --from->begun;
    from->contacts.erase(contact);
    recount(*from);
  }
}

bool Registry::part(const std::string& peer, const std::string& id, Notices& notices) {
  const std::scoped_lock lock(mutex_);
  auto* const user = find(peer);
  auto* const other = find_by_id(id);
  if (user == nullptr || other == nullptr || !user->contacts.contains(other)) return false;
  Change change(notices);
  change.add("user-disconnected", quoted(user->current_id()), {other->id});
  change.prepare();

  separate(*user, *other);
  change.commit(*this, user);
  return true;
}

// -- Custom events

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
  std::vector<const User*> chosen;
  const auto choose = [&](const User& other) {
    if (&other == user || chosen.size() >= most || other.message_event == event) return;
    if (std::find(chosen.begin(), chosen.end(), &other) == chosen.end()) chosen.push_back(&other);
  };
  if (user->room != nullptr) {
    for (const auto* const participant : user->room->participants) choose(*participant);
  }
  for (const auto& [contact, how] : user->contacts) choose(*contact);
  // All wait for the lock: also users that may not hear it cost time.
  std::size_t looked_at = 0;
  for (auto other = users_.begin();
       other != users_.end() && chosen.size() < most && looked_at < kMostLookedAt;
       ++other, ++looked_at) {
    choose(other->second);
  }
  std::vector<std::string> ids;
  ids.reserve(chosen.size());
  for (const auto* const hearer : chosen) ids.push_back(hearer->id);
  return ids;
}

std::size_t Registry::users() const {
  const std::scoped_lock lock(mutex_);
  return users_.size();
}

}  // namespace sigway::dialects::socketio::rtcmulti
