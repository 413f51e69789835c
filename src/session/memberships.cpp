#include "session/memberships.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/reserve.h"
#include "session/hub.h"
#include "session/key.h"

namespace sigway::session {

using dialects::Error;
using dialects::ErrorCode;

Memberships::Memberships(Hub& hub, SessionId id) : hub_(hub), id_(id), peer_(make_peer_id()) {}

bool Memberships::in_room(std::string_view room) const noexcept {
  return std::find(rooms_.begin(), rooms_.end(), room) != rooms_.end();
}

std::optional<Error> Memberships::find_room(std::optional<std::string>& room) const {
  if (room) {
    if (!in_room(*room)) return Error{.code = ErrorCode::not_in_room};
  } else if (rooms_.empty()) {
    return Error{.code = ErrorCode::no_room};
  } else if (rooms_.size() > 1) {
    return Error{.code = ErrorCode::bad_request,
                 .message = "The session is in several rooms and the message does not say which.",
                 .hint = "Add `room`."};
  } else {
    room = rooms_.front();
  }
  return std::nullopt;
}

// -- Rooms and name

void Memberships::join(const Caller& caller, dialects::Join join, SessionId replaces,
                       dialects::Re re) {
  joining_ = join.room;
  hub_.switchboard().join(caller, std::move(join), replaces, re);
}

void Memberships::joined(const std::string& room) {
  // The name of the very room, which its end must give back.
  base::retry_from_reserve([&] { rooms_.push_back(room); });
  joining_.clear();
}

void Memberships::tell_lost_name(const std::string& room) {
  if (std::exchange(renamed_meanwhile_, false)) hub_.switchboard().renamed(id_, room, name_);
}

void Memberships::not_joined() noexcept {
  joining_.clear();
  renamed_meanwhile_ = false;
}

void Memberships::leave(const std::string& room, Answer answer) {
  // Forgotten after what may fail, or the session's end would leave it a member.
  hub_.switchboard().leave(id_, room, "left", answer);
  std::erase(rooms_, room);
}

void Memberships::login(const Caller& caller, const std::string& name, SessionId replaces,
                        dialects::Re re) {
  logging_in_ = name;
  hub_.switchboard().login(caller, logging_in_, replaces, re);
}

void Memberships::logged_in(const std::string& name) {
  name_ = name;  // the one before has been given back
  tell_name();
  logging_in_.clear();
}

void Memberships::logout(Answer answer) {
  hub_.switchboard().logout(id_, name_, answer);
  name_.clear();  // after what may fail
  tell_name();
}

void Memberships::name_lost() {
  name_.clear();
  renamed_meanwhile_ = !joining_.empty();
  tell_name();
}

void Memberships::tell_name() {
  for (const auto& room : rooms_) hub_.switchboard().renamed(id_, room, name_);
}

std::optional<Error> Memberships::take_rename(base::AddressKey address) {
  const auto now = hub_.now();
  if (!name_rate_.take(kNameRate, 1, now)) {
    return Error{.code = ErrorCode::rate_limited,
                 .message = "This session logs in and out too often.",
                 .hint = "Wait a second before you log in or out again."};
  }
  // Each room tells its members, and many sessions cost nothing.
  const auto told = std::min(static_cast<double>(rooms_.size()), hub_.settings().join_burst);
  if (!rooms_.empty() && !hub_.shared().joins.take(address, now, told)) return too_many_joins();
  for (const auto& room : rooms_) {
    if (!hub_.shared().take_in_room(room, address, now, 1)) return too_often_in_room();
  }
  return std::nullopt;
}

void Memberships::tell_presence(std::span<const std::string> rooms, bool suspended) {
  if (rooms.empty()) return;
  const auto now = hub_.now();
  auto tell = Tell::later;
  if (tell_presence_at_ == base::TimePoint::max()) {
    const bool may_tell = presence_rate_.take(kPresenceRate, 1, now);
    if (may_tell) tell = Tell::now;
    // If memory is too short for one of the rooms, all are told again.
    tell_presence_at_ = may_tell ? now : presence_rate_.ready_at(kPresenceRate, 1);
  }
  for (const auto& room : rooms) hub_.switchboard().presence(id_, room, suspended, tell);
  if (tell == Tell::now) tell_presence_at_ = base::TimePoint::max();
}

void Memberships::tell_late_presence(bool suspended) {
  tell_presence_at_ = base::TimePoint::max();
  tell_presence(rooms_, suspended);
}

// -- Topics

std::optional<Error> Memberships::subscribe(const Caller& caller, const std::string& topic,
                                            std::size_t most, base::MemoryHolder& holder) {
  if (subscriptions_ == nullptr) subscriptions_ = std::make_unique<Subscriptions>(holder);
  if (subscriptions_->has(topic)) return std::nullopt;
  if (subscriptions_->size() >= most) {
    return Error{.code = ErrorCode::too_many_rooms,
                 .message = "A session may subscribe to " + std::to_string(most) + " topics.",
                 .hint = "Unsubscribe from topics that are not needed any more."};
  }
  subscriptions_->add(topic);  // before what may fail: the end of the session takes it back
  hub_.switchboard().subscribe(caller, topic);
  return std::nullopt;
}

void Memberships::unsubscribe(const std::string& topic) {
  if (subscriptions_ == nullptr || !subscriptions_->has(topic)) return;
  hub_.switchboard().unsubscribe(id_, topic);
  subscriptions_->remove(topic);  // after what may fail
}

// -- What it says

std::shared_ptr<const Speaker> Memberships::speaker() {
  if (!speaker_) speaker_ = std::make_shared<const Speaker>(Speaker{id_});
  return speaker_;
}

Transit* Memberships::transit() {
  auto& shared = hub_.shared();
  if (!transit_ && shared.hubs.size() > 1)
    transit_ = std::make_shared<Transit>(shared.memory, hub_.settings().outbox_limit / 2);
  return transit_.get();
}

std::optional<Error> Memberships::may_set_out(std::size_t bytes) {
  const auto* const transit = this->transit();
  const auto status = transit == nullptr ? SendStatus::sent : transit->may_set_out(bytes);
  if (status == SendStatus::sent) return std::nullopt;
  return not_taken(status, {});
}

// -- The end

// Mostly there is none: a session has one name at a time, and few change it.
void Memberships::hand_over_others(UnreadMail& unread, const std::string& name) noexcept {
  const auto is_others = [&](const Unread& each) { return each.postmark->name != name; };
  while (std::any_of(unread.begin(), unread.end(), is_others)) {
    const auto other = std::find_if(unread.begin(), unread.end(), is_others)->postmark;
    const auto is_to = [&](const Unread& each) { return each.postmark->name == other->name; };
    base::try_from_reserve([&] {
      UnreadMail mail;
      std::copy_if(unread.begin(), unread.end(), std::back_inserter(mail), is_to);
      hub_.switchboard().hand_over(id_, other->name, std::move(mail), transit());
    });
    std::erase_if(unread, is_to);
  }
}

void Memberships::hand_over_names(UnreadMail unread) noexcept {
  auto& bus = hub_.switchboard();
  hand_over_others(unread, name_.empty() ? logging_in_ : name_);
  for (const auto* name : {&name_, &logging_in_}) {
    if (name->empty() || (name == &logging_in_ && logging_in_ == name_)) continue;
    base::try_from_reserve(
        [&] { bus.hand_over(id_, *name, unread, unread.empty() ? nullptr : transit()); });
    unread.clear();
  }
}

void Memberships::end(std::string_view why, UnreadMail unread) noexcept {
  auto& bus = hub_.switchboard();
  const auto leave = [&](const std::string& room) {
    base::try_from_reserve([&] { bus.leave(id_, room, why, {}); });
  };
  for (const auto& room : rooms_) leave(room);
  if (!joining_.empty()) leave(joining_);
  if (subscriptions_ != nullptr && subscriptions_->size() != 0)
    base::try_from_reserve([&] { bus.unsubscribe(id_, subscriptions_->all()); });
  subscriptions_.reset();
  hand_over_names(std::move(unread));
}

}  // namespace sigway::session
