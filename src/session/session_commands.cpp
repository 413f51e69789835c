// What a session asks of the bus, one command after the other, and what comes of it.

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

#include "session/hub.h"
#include "session/session.h"

namespace sigway::session {
namespace {

using dialects::Error;
using dialects::ErrorCode;

std::size_t cost_of(const Taken& taken) {
  const auto* say = std::get_if<dialects::Command>(&taken.content);
  const auto* said = say ? std::get_if<dialects::Say>(say) : nullptr;
  return sizeof taken + (said ? said->data.size() : 0);
}

}  // namespace

void Session::run_commands(std::size_t counted) {
  if (running_) return;
  running_ = true;
  std::size_t done = 0;
  try {
    while (done < commands_.size() && !waiting_ && !ended_) {
      auto taken = std::move(commands_[done++]);
      // What runs now waits no longer. Counted on, it would hide that the outbox which it fills is
      // what exceeds the budget: its sender would hear `busy` for ever, and the largest never end.
      if (done <= counted) commands_share_.subtract(cost_of(taken));
      if (auto* command = std::get_if<dialects::Command>(&taken.content)) {
        run(std::move(*command), taken.re);
      } else {
        refuse(taken.re, std::get<Error>(std::move(taken.content)));
      }
    }
  } catch (const std::bad_alloc&) {
    // The message counts as taken, so a session that goes on would have lost it.
    end(End::memory);
  }
  if (done == commands_.size() || ended_) {
    drop_commands();
  } else {
    commands_.erase(commands_.begin(), commands_.begin() + static_cast<std::ptrdiff_t>(done));
    // Only what is left has to wait: most commands run at once, and cost the account nothing.
    for (auto i = counted - std::min(counted, done); i < commands_.size(); ++i)
      commands_share_.add(cost_of(commands_[i]));
  }
  running_ = false;
  end_replaced();
}

void Session::drop_commands() {
  commands_.clear();
  if (commands_.capacity() > 4) commands_ = {};
  commands_share_.set(0);
}

void Session::run(dialects::Command command, dialects::Re re) {
  // The session to be replaced hands on its place and name only to what `open` asked for.
  const auto replaces = re == 0 ? replaced_ : SessionId{};
  auto& bus = hub_.switchboard();
  if (auto* join = std::get_if<dialects::Join>(&command)) {
    const auto max = hub_.settings().max_room_capacity;
    if (in_room(join->room)) return refuse(re, {.code = ErrorCode::already_joined});
    if (rooms_.size() >= hub_.settings().max_rooms)
      return refuse(re, {.code = ErrorCode::too_many_rooms});
    // What `open` asked for was counted when the request came.
    if (re != 0 && !hub_.shared().joins.take(contents_.address, hub_.now()))
      return refuse(re, too_many_joins());
    if (join->capacity && (*join->capacity < 1 || *join->capacity > max)) {
      return refuse(re, {.code = ErrorCode::bad_capacity, .limit = max});
    }
    waiting_ = true;
    joining_ = join->room;
    bus.join(caller(), std::move(*join), replaces, re);
  } else if (auto* leave_room = std::get_if<dialects::LeaveRoom>(&command)) {
    if (!in_room(leave_room->room)) return refuse(re, {.code = ErrorCode::not_in_room});
    // Forgotten after what may fail, or the session's end would leave it a member.
    bus.leave(id_, leave_room->room, "left", {contents_.dialect, re});
    std::erase(rooms_, leave_room->room);
  } else if (std::get_if<dialects::Leave>(&command) != nullptr) {
    end(End::left);
  } else if (auto* login = std::get_if<dialects::Login>(&command)) {
    waiting_ = true;
    logging_in_ = login->name;
    bus.login(caller(), logging_in_, replaces, re);
  } else if (std::get_if<dialects::Logout>(&command) != nullptr) {
    if (name_.empty()) return refuse(re, {.code = ErrorCode::no_name});
    bus.logout(id_, name_, {contents_.dialect, re});
    name_.clear();  // after what may fail
    for (const auto& room : rooms_) bus.renamed(id_, room, {});
  } else {
    say(std::get<dialects::Say>(std::move(command)), re);
  }
}

void Session::say(dialects::Say message, dialects::Re re) {
  auto& bus = hub_.switchboard();
  const auto is_name = [](const dialects::Address& address) {
    return address.kind == dialects::Address::Kind::name;
  };
  const auto names =
      std::stable_partition(message.to.begin(), message.to.end(), std::not_fn(is_name));
  const std::vector<dialects::Address> to_names(names, message.to.end());
  const bool to_room = message.to.empty() || names != message.to.begin();
  message.to.erase(names, message.to.end());

  if (to_room) {
    if (message.room) {
      if (!in_room(*message.room)) return refuse(re, {.code = ErrorCode::not_in_room});
    } else if (rooms_.empty()) {
      return refuse(re, {.code = ErrorCode::no_room});
    } else if (rooms_.size() > 1) {
      return refuse(
          re, {.code = ErrorCode::bad_request,
               .message = "The session is in several rooms and the message does not say which.",
               .hint = "Add `room`."});
    } else {
      message.room = rooms_.front();
    }
  }
  for (const auto& name : to_names) {
    bus.mail(caller(), {message.type, {name}, std::nullopt, message.data}, re);
  }
  if (to_room) bus.say(id_, std::move(message), re);
}

Caller Session::caller() const { return {id_, peer_, name_, contents_.dialect, contents_.address}; }

bool Session::in_room(std::string_view room) const noexcept {
  return std::find(rooms_.begin(), rooms_.end(), room) != rooms_.end();
}

void Session::settle(const Settlement& settlement) {
  if (ended_) return;
  auto& bus = hub_.switchboard();
  using Kind = Settlement::Kind;
  switch (settlement.kind) {
    case Kind::joined:
      rooms_.push_back(settlement.subject);
      joining_.clear();
      waiting_ = false;
      // Name and presence changes made while the join was pending have not reached the room.
      if (std::exchange(renamed_meanwhile_, false)) bus.renamed(id_, settlement.subject, name_);
      if (suspended_) bus.presence(id_, settlement.subject, true);
      break;
    case Kind::not_joined:
      joining_.clear();
      renamed_meanwhile_ = false;
      waiting_ = false;
      break;
    case Kind::logged_in: {
      if (!name_.empty() && name_ != settlement.subject) bus.logout(id_, name_, {});
      name_ = settlement.subject;
      for (const auto& room : rooms_) bus.renamed(id_, room, name_);
      logging_in_.clear();
      waiting_ = false;
      break;
    }
    case Kind::not_logged_in:
      logging_in_.clear();
      waiting_ = false;
      break;
    case Kind::place_lost: std::erase(rooms_, settlement.subject); return;
    case Kind::name_lost:
      if (name_ != settlement.subject) return;
      name_.clear();
      renamed_meanwhile_ = !joining_.empty();
      for (const auto& room : rooms_) bus.renamed(id_, room, {});
      return;
  }
  run_commands(commands_.size());
  if (!ended_ && !awaits_bus()) hub_.touch(*this);  // an opening poll may wait for this
}

void Session::end_replaced() {
  // Only when all that could pass on has passed on: the old session would else give its places back
  // to anybody. Who ends before that takes the old one along: its client is the same.
  if (!replaced_ || (waiting_ && !ended_)) return;
  const auto old = replaced_;
  auto* const hub = hub_.shared().hubs[old.shard];
  post(hub_.runner(), old.shard, [hub, old, key = contents_.replaces] {
    hub->end(old.serial, End::replaced);
    // Opened but not made yet: it must not be made any more.
    auto& directory = hub->shared().directory;
    if (directory.is_live(key, old)) directory.end(key, End::replaced, hub->now());
  });
  replaced_ = {};  // after what may fail
}

}  // namespace sigway::session
