#include "bus/node.h"

#include <utility>

#include "bus/home.h"

namespace sigway::bus {

using session::Caller;
using session::SessionId;

Node::Node(base::ShardIndex shard, Exchange& exchange, session::Runner& runner)
    : shard_(shard),
      exchange_(exchange),
      runner_(runner),
      outlet_(shard, exchange.shared, runner),
      rooms_(outlet_, exchange.mailbox),
      names_(outlet_, runner, exchange.mailbox,
             [this](SessionId id, const std::string& name) { logout(id, name, {}); }),
      topics_(outlet_) {
  exchange_.shared.hubs[shard]->when_draining([this] { names_.drain(); });
  if (exchange_.nodes.size() <= shard) exchange_.nodes.resize(shard + 1);
  exchange_.nodes[shard] = this;
}

namespace {

/// What a message holds on its way.
std::size_t cost(const dialects::Say& message) noexcept {
  return sizeof message + message.data.size() + message.to.size() * sizeof(dialects::Address);
}

std::size_t cost(const session::UnreadMail& unread) noexcept {
  std::size_t sum = 0;
  for (const auto& each : unread) sum += sizeof each + each.event->size() + each.postmark->size();
  return sum;
}

std::size_t cost(const dialects::Publish& message) noexcept {
  return sizeof message + message.topic.size() + message.data.size();
}

}  // namespace

template <typename Task>
void Node::at(SessionId id, base::ShardIndex shard, Task task) {
  if (shard == shard_) {
    task(*this);
  } else {
    auto* const node = exchange_.nodes[shard];
    session::post(runner_, shard, [node, id, task = std::move(task)]() mutable {
      node->outlet_.or_end(id, [&] { task(*node); });
    });
  }
}

base::ShardIndex Node::home(std::string_view of) const noexcept {
  const auto shards = static_cast<base::ShardIndex>(exchange_.nodes.size());
  return home_of(of, shards, exchange_.home_secret);
}

template <typename Task>
void Node::at_home(SessionId id, std::string_view of, Task task) {
  at(id, home(of), std::move(task));
}

void Node::join(const Caller& caller, dialects::Join join, SessionId replaces, dialects::Re re) {
  const auto shard = home(series_of(join.room));
  at(caller.id, shard, [caller, join = std::move(join), replaces, re](Node& home) {
    home.rooms_.join(caller, join, replaces, re);
  });
}

void Node::leave(SessionId id, const std::string& room, std::string_view reason,
                 session::Answer answer) {
  at_home(id, series_of(room), [id, room, reason = std::string(reason), answer](Node& home) {
    home.rooms_.leave(id, room, reason, answer);
  });
}

void Node::presence(SessionId id, const std::string& room, bool suspended, session::Tell tell) {
  at_home(id, series_of(room), [id, room, suspended, tell](Node& home) {
    home.rooms_.presence(id, room, suspended, tell);
  });
}

void Node::look(const Caller& caller, const std::string& room, dialects::Re re) {
  at_home(caller.id, series_of(room),
          [caller, room, re](Node& home) { home.rooms_.look(caller, room, re); });
}

void Node::renamed(SessionId id, const std::string& room, const std::string& name) {
  at_home(id, series_of(room),
          [id, room, name](Node& home) { home.rooms_.renamed(id, room, name); });
}

void Node::login(const Caller& caller, const std::string& name, SessionId replaces,
                 dialects::Re re) {
  at_home(caller.id, name, [caller, name, replaces, re](Node& home) {
    home.names_.login(caller, name, replaces, re);
  });
}

void Node::logout(SessionId id, const std::string& name, session::Answer answer) {
  at_home(id, name, [id, name, answer](Node& home) { home.names_.logout(id, name, answer); });
}

void Node::drain_room(SessionId id, const std::string& room) {
  at_home(id, series_of(room), [id, room](Node& home) { home.rooms_.drain(id, room); });
}

void Node::drain_name(SessionId id, const std::string& name) {
  at_home(id, name, [id, name](Node& home) { home.names_.drain(id, name); });
}

void Node::hand_over(SessionId id, const std::string& name, session::UnreadMail unread,
                     session::Transit* transit) {
  session::Parcel parcel(unread.empty() ? nullptr : transit, cost(unread));
  at_home(id, name, [id, name, unread = std::move(unread), parcel = std::move(parcel)](Node& home) {
    home.names_.hand_over(id, name, unread);
  });
}

void Node::say(session::Spoken spoken, dialects::Say message, session::Transit* transit) {
  const auto shard = home(series_of(*message.room));
  session::Parcel parcel(transit, cost(message));
  const auto id = spoken.by->id;
  at(id, shard,
     [spoken = std::move(spoken), message = std::move(message), parcel = std::move(parcel)](
         Node& home) mutable { home.rooms_.say(spoken, std::move(message), parcel.transit()); });
}

std::size_t Node::members(const std::string& room) const { return rooms_.members(room); }

void Node::mail(const Caller& caller, const std::shared_ptr<const session::Letter>& letter,
                const std::string& name, dialects::Re re) {
  at_home(caller.id, name,
          [caller, letter, name, re](Node& home) { home.names_.say(caller, *letter, name, re); });
}

void Node::subscribe(const Caller& caller, const std::string& topic) {
  at_home(caller.id, topic, [caller, topic](Node& home) { home.topics_.subscribe(caller, topic); });
}

void Node::unsubscribe(SessionId id, const std::string& topic) {
  at_home(id, topic, [id, topic](Node& home) { home.topics_.unsubscribe(id, topic); });
}

void Node::unsubscribe(SessionId id,
                       const std::shared_ptr<const std::vector<std::string>>& topics) {
  // Every shard looks for all of them: that is less than a way to each home for each topic.
  const auto shards = static_cast<base::ShardIndex>(exchange_.nodes.size());
  for (base::ShardIndex shard = 0; shard < shards; ++shard) {
    at(id, shard, [id, topics](Node& node) {
      for (const auto& topic : *topics) node.topics_.unsubscribe(id, topic);
    });
  }
}

void Node::publish(const Caller& caller, dialects::Publish message, dialects::Re re,
                   session::Transit* transit) {
  const auto shard = home(message.topic);
  session::Parcel parcel(transit, cost(message));
  at(caller.id, shard,
     [caller, message = std::move(message), re, parcel = std::move(parcel)](Node& home) mutable {
       home.topics_.publish(caller, std::move(message), re, parcel.transit());
     });
}

}  // namespace sigway::bus
