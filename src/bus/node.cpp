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
      rooms_(outlet_),
      names_(outlet_, runner, exchange.mailbox) {
  if (exchange_.nodes.size() <= shard) exchange_.nodes.resize(shard + 1);
  exchange_.nodes[shard] = this;
}

namespace {

/// What a message holds on its way.
std::size_t cost(const dialects::Say& message) noexcept {
  return sizeof message + message.data.size() + message.to.size() * sizeof(dialects::Address);
}

}  // namespace

template <typename Task>
void Node::at_home(SessionId id, std::string_view of, Task task) {
  const auto home =
      home_of(of, static_cast<base::ShardIndex>(exchange_.nodes.size()), exchange_.home_secret);
  if (home == shard_) {
    task(*this);
  } else {
    auto* const node = exchange_.nodes[home];
    session::post(runner_, home, [node, id, task = std::move(task)]() mutable {
      node->outlet_.or_end(id, [&] { task(*node); });
    });
  }
}

void Node::join(const Caller& caller, dialects::Join join, SessionId replaces, dialects::Re re) {
  const auto room = join.room;
  at_home(caller.id, room, [caller, join = std::move(join), replaces, re](Node& home) {
    home.rooms_.join(caller, join, replaces, re);
  });
}

void Node::leave(SessionId id, const std::string& room, std::string_view reason,
                 session::Answer answer) {
  at_home(id, room, [id, room, reason = std::string(reason), answer](Node& home) {
    home.rooms_.leave(id, room, reason, answer);
  });
}

void Node::presence(SessionId id, const std::string& room, bool suspended, session::Tell tell) {
  at_home(id, room, [id, room, suspended, tell](Node& home) {
    home.rooms_.presence(id, room, suspended, tell);
  });
}

void Node::renamed(SessionId id, const std::string& room, const std::string& name) {
  at_home(id, room, [id, room, name](Node& home) { home.rooms_.renamed(id, room, name); });
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

void Node::say(SessionId id, dialects::Say message, dialects::Re re, session::Transit* transit) {
  const auto room = *message.room;
  session::Parcel parcel(transit, cost(message));
  at_home(id, room, [id, message = std::move(message), re, parcel = std::move(parcel)](Node& home) {
    home.rooms_.say(id, message, re, parcel.transit());
  });
}

void Node::mail(const Caller& caller, const std::shared_ptr<const session::Letter>& letter,
                const std::string& name, dialects::Re re) {
  at_home(caller.id, name,
          [caller, letter, name, re](Node& home) { home.names_.say(caller, *letter, name, re); });
}

}  // namespace sigway::bus
