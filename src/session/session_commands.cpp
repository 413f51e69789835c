// What a session asks of the bus, one command after the other, and what comes of it.

#include <algorithm>
#include <functional>
#include <iterator>
#include <new>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "base/reserve.h"
#include "session/hub.h"
#include "session/session.h"

namespace sigway::session {
namespace {

using dialects::Error;
using dialects::ErrorCode;

/// To how many others a session speaks before others have their turn: as many as one message may
/// name.
constexpr std::size_t kToldAtOnce = 64;

/// A message's way to one name: who says it, to whom.
constexpr std::size_t kAddressed = 512;

std::size_t recipients_of(const Taken& taken) noexcept {
  const auto* command = std::get_if<dialects::Command>(&taken.content);
  const auto* said = command ? std::get_if<dialects::Say>(command) : nullptr;
  return said ? std::max<std::size_t>(said->to.size(), 1) : 1;
}

/// What it holds beside itself.
std::size_t cost_of(const dialects::Say& said) noexcept {
  return said.data.size() + said.to.size() * sizeof(dialects::Address);
}

std::size_t cost_of(const Taken& taken) noexcept {
  return sizeof taken +
         std::visit([](const auto& content) { return dialects::held_by(content); }, taken.content);
}

}  // namespace

void Session::run_commands() {
  if (running_) return;
  running_ = true;
  std::size_t done = 0;
  std::size_t told = 0;
  try {
    while (done < commands_.size() && !waiting_ && !paused_ && !ended_) {
      const auto recipients = recipients_of(commands_[done]);
      if (must_pause(recipients, told)) break;
      told += recipients;
      auto taken = std::move(commands_[done++]);
      // What runs now waits no longer. Counted on, it would hide that the outbox which it fills is
      // what exceeds the budget: its sender would hear `busy` for ever, and the largest never end.
      commands_share_.subtract(taken.counted);
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
    for (auto i = commands_.rbegin(); i != commands_.rend() && i->counted == 0; ++i)
      commands_share_.add(i->counted = cost_of(*i));
  }
  running_ = false;
  end_replaced();
}

bool Session::must_pause(std::size_t recipients, std::size_t told) {
  if (told > 0 && told + recipients > kToldAtOnce) {
    post(hub_.runner(), id().shard, [&hub = hub_, serial = id().serial] { hub.go_on(serial); });
    return paused_ = true;
  }
  if (recipients == 1) return false;
  // The message itself was counted when it was taken. Nobody waits for ever: more than the burst
  // counts as the burst.
  const auto& settings = hub_.settings();
  const base::RateLimit limit{settings.message_rate, settings.message_burst};
  const auto count = std::min(static_cast<double>(recipients - 1), limit.burst);
  if (rate_.take(limit, count, hub_.now())) return false;
  go_on_at_ = rate_.ready_at(limit, count);
  paused_ = true;
  schedule();
  return true;
}

void Session::go_on() {
  if (ended_ || !paused_) return;
  paused_ = false;
  go_on_at_ = base::TimePoint::max();
  run_commands();
  if (!ended_) hub_.touch(*this);  // its deadlines, and an opening poll that may wait for this
}

bool Session::has_more_to_say() const noexcept {
  // Without a number is only what the session does at its beginning.
  return paused_ || std::any_of(commands_.begin(), commands_.end(),
                                [](const Taken& taken) { return taken.re != 0; });
}

void Session::drop_commands() {
  hub_.command_spares().take_back(commands_);
  commands_share_.set(0);
}

void Session::run(dialects::Command command, dialects::Re re) {
  // The session to be replaced hands on its place and name only to what `open` asked for.
  const auto replaces = re == 0 ? replaced_ : SessionId{};
  if (auto* join = std::get_if<dialects::Join>(&command)) {
    const auto max = hub_.settings().max_room_capacity;
    if (memberships_.in_room(join->room)) return refuse(re, {.code = ErrorCode::already_joined});
    if (rooms().size() >= hub_.settings().max_rooms)
      return refuse(re, {.code = ErrorCode::too_many_rooms});
    // What `open` asked for was counted when the request came. Of a quiet one nobody is told.
    if (re != 0 && !join->quiet) {
      auto error = hub_.shared().take_join(join->room, join->series, contents_.address, hub_.now());
      if (error) return refuse(re, *std::move(error));
    }
    if (join->capacity == dialects::Join::kLargest) join->capacity = max;
    if (join->capacity && (*join->capacity < 1 || *join->capacity > max)) {
      if (re == 0 && traits().needs_room) {
        // As if it were full: nor will there ever be such a room. Not within its own opening.
        waiting_ = true;
        return post(hub_.runner(), id().shard, [&hub = hub_, id = id(), room = join->room] {
          hub.settle(id, {Settlement::Kind::not_joined, room});
        });
      }
      return refuse(re, {.code = ErrorCode::bad_capacity, .limit = max});
    }
    waiting_ = true;
    memberships_.join(caller(), std::move(*join), replaces, re);
  } else if (auto* leave_room = std::get_if<dialects::LeaveRoom>(&command)) {
    if (!memberships_.in_room(leave_room->room))
      return refuse(re, {.code = ErrorCode::not_in_room});
    memberships_.leave(leave_room->room, {contents_.dialect, re});
    drained_from(leave_room->room);
  } else if (std::get_if<dialects::Leave>(&command) != nullptr) {
    end(End::left);
  } else if (auto* login = std::get_if<dialects::Login>(&command)) {
    if (re != 0 && login->name != memberships_.name()) {
      if (auto error = memberships_.take_rename(contents_.address))
        return refuse(re, *std::move(error));
    }
    waiting_ = true;
    memberships_.login(caller(), login->name, replaces, re);
  } else if (std::get_if<dialects::Logout>(&command) != nullptr) {
    if (memberships_.name().empty()) return refuse(re, {.code = ErrorCode::no_name});
    if (auto error = memberships_.take_rename(contents_.address))
      return refuse(re, *std::move(error));
    const auto left = '@' + memberships_.name();
    memberships_.logout({contents_.dialect, re});
    drained_from(left);
  } else if (auto* will = std::get_if<dialects::Will>(&command)) {
    keep_will(std::move(*will));
  } else if (const auto* wanted = std::get_if<dialects::Subscribe>(&command)) {
    auto error = memberships_.subscribe(caller(), wanted->topic, traits().max_topics, *this);
    if (error) refuse(re, *std::move(error));
  } else if (const auto* unwanted = std::get_if<dialects::Unsubscribe>(&command)) {
    memberships_.unsubscribe(unwanted->topic);
  } else if (auto* published = std::get_if<dialects::Publish>(&command)) {
    publish(std::move(*published), re);
  } else if (auto* replied = std::get_if<dialects::Reply>(&command)) {
    reply(std::move(*replied));
  } else if (const auto* look = std::get_if<dialects::Look>(&command)) {
    hub_.switchboard().look(caller(), look->room, re);
  } else if (auto* said = std::get_if<dialects::Say>(&command)) {
    say(std::move(*said), re);
  }
}

void Session::keep_will(dialects::Will will) {
  if (will.message || will.words != nullptr) {
    will_ = std::make_unique<dialects::Will>(std::move(will));
  } else if (will_ != nullptr && will_->name == will.name) {
    will_.reset();
  }
}

void Session::say_will() noexcept {
  const auto will = std::move(will_);
  if (will == nullptr) return;
  std::vector<dialects::Say> all;
  base::try_from_reserve(
      [&] { all = will->words == nullptr ? std::vector(1, *will->message) : will->words->take(); });
  for (auto& words : all) {
    // To one name at a time: if memory is short for one, the earlier ones do not hear it twice.
    const auto names = std::exchange(words.to, {});
    const auto say_to = [&](std::span<const dialects::Address> to) {
      base::try_from_reserve([&] {
        auto copy = words;
        copy.to.assign(to.begin(), to.end());
        say(std::move(copy), 0);
      });
    };
    if (names.empty()) say_to({});
    for (const auto& name : names) say_to(std::span(&name, 1));
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
    if (auto error = memberships_.find_room(message.room)) return refuse(re, *std::move(error));
  }
  const auto bytes = cost_of(message) + to_names.size() * kAddressed;
  if (auto error = memberships_.may_set_out(bytes)) return refuse(re, *std::move(error));
  auto* const transit = memberships_.transit();
  if (!to_names.empty()) {
    const auto letter = std::make_shared<const Letter>(
        Letter{{.type = message.type,
                .data = to_room ? message.data : std::move(message.data),
                .store = message.store,
                .lifetime = message.lifetime},
               Parcel(transit, bytes),
               memberships_.speaker()});
    const auto from = caller();
    for (const auto& name : to_names) bus.mail(from, letter, name.value, re);
  }
  if (to_room) bus.say({memberships_.speaker(), re}, std::move(message), transit);
}

void Session::publish(dialects::Publish message, dialects::Re re) {
  if (auto error = memberships_.may_set_out(message.topic.size() + message.data.size()))
    return refuse(re, *std::move(error));
  hub_.switchboard().publish(caller(), std::move(message), re, memberships_.transit());
}

void Session::reply(dialects::Reply reply) {
  auto event = contents_.dialect->encode(dialects::event::Said{.type = std::move(reply.type),
                                                               .room = {},
                                                               .from = {},
                                                               .name = {},
                                                               .data = std::move(reply.data)});
  if (event != nullptr) deliver(std::move(event), 0);
}

UnreadMail Session::take_unread(const std::string& name) {
  auto unread = outbox_.take_unread();
  memberships_.hand_over_others(unread, name);
  return unread;
}

Caller Session::caller() const {
  return {id(), peer(), memberships_.name(), contents_.dialect, contents_.address};
}

bool Session::needs_name(std::string_view name) const noexcept {
  return traits().needs_name && contents_.name == name;
}

void Session::settle(const Settlement& settlement) {
  if (ended_) return;
  using Kind = Settlement::Kind;
  switch (settlement.kind) {
    case Kind::joined:
      memberships_.joined(settlement.subject);
      waiting_ = false;
      // Name and presence changes made while the join was pending have not reached the room.
      memberships_.tell_lost_name(settlement.subject);
      if (suspended_) tell_presence(std::span(&settlement.subject, 1));
      if (drain_ != nullptr && drain_->has_asked) drain_room(settlement.subject);
      break;
    case Kind::not_joined:
    case Kind::joins_too_often:
      if (traits().needs_room)
        return end(settlement.kind == Kind::not_joined ? End::full : End::rate_limited);
      memberships_.not_joined();
      waiting_ = false;
      break;
    case Kind::logged_in:
      memberships_.logged_in(settlement.subject);
      waiting_ = false;
      if (drain_ != nullptr && drain_->has_asked) drain_name();
      break;
    case Kind::not_logged_in:
      if (needs_name(settlement.subject)) return end(End::name_taken);
      memberships_.not_logged_in();
      waiting_ = false;
      break;
    case Kind::place_lost:
      memberships_.place_lost(settlement.subject);
      drained_from(settlement.subject);
      if (traits().needs_room || traits().ends_when_evicted) end(End::full);
      return;
    case Kind::name_lost:
      if (memberships_.name() != settlement.subject) return;
      if (needs_name(settlement.subject)) return end(End::name_taken);
      if (traits().ends_when_evicted) return end(End::replaced);
      drained_from('@' + settlement.subject);
      return memberships_.name_lost();
    case Kind::room_drains: return drain(hub_.drain_patience(), kDrainRetry);
    case Kind::room_drained: return drained_from(settlement.subject);
    case Kind::name_drained: return drained_from('@' + settlement.subject);
  }
  run_commands();
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
