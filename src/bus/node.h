#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "bus/names.h"
#include "bus/outlet.h"
#include "bus/rooms.h"
#include "bus/topics.h"
#include "session/hub.h"
#include "session/switchboard.h"

namespace sigway::bus {

class Node;

/// What the nodes of all shards share. Outlives them.
struct Exchange {
  /// `secret` decides on which shard a room or a name lives; the entry must use the same one.
  Exchange(session::Shared& sessions, const MailboxSettings& mailboxes,
           const base::HashSecret& secret = base::process_secret())
      : shared(sessions), mailbox(mailboxes, sessions.memory), home_secret(secret) {}

  session::Shared& shared;
  MailboxTotals mailbox;
  base::HashSecret home_secret;
  std::vector<Node*> nodes;  ///< by shard
};

/// The bus as one shard sees it: takes what its sessions ask, carries it to the home of the room or
/// name, and is the home of those that fall to it. One shard and many behave alike. Thread: its
/// shard.
class Node final : public session::Switchboard {
 public:
  Node(base::ShardIndex shard, Exchange& exchange, session::Runner& runner);

  void join(const session::Caller& caller, dialects::Join join, session::SessionId replaces,
            dialects::Re re) override;
  void leave(session::SessionId id, const std::string& room, std::string_view reason,
             session::Answer answer) override;
  void presence(session::SessionId id, const std::string& room, bool suspended,
                session::Tell tell) override;
  void look(const session::Caller& caller, const std::string& room, dialects::Re re) override;
  void renamed(session::SessionId id, const std::string& room, const std::string& name) override;
  void login(const session::Caller& caller, const std::string& name, session::SessionId replaces,
             dialects::Re re) override;
  void logout(session::SessionId id, const std::string& name, session::Answer answer) override;
  void drain_room(session::SessionId id, const std::string& room) override;
  void drain_name(session::SessionId id, const std::string& name) override;
  void hand_over(session::SessionId id, const std::string& name, session::UnreadMail unread,
                 session::Transit* transit) override;
  void say(session::Spoken spoken, dialects::Say message, session::Transit* transit) override;
  std::size_t members(const std::string& room) const override;
  void mail(const session::Caller& caller, const std::shared_ptr<const session::Letter>& letter,
            const std::string& name, dialects::Re re) override;
  void subscribe(const session::Caller& caller, const std::string& topic) override;
  void unsubscribe(session::SessionId id, const std::string& topic) override;
  void unsubscribe(session::SessionId id,
                   const std::shared_ptr<const std::vector<std::string>>& topics) override;
  void publish(const session::Caller& caller, dialects::Publish message, dialects::Re re,
               session::Transit* transit) override;

  const Rooms& rooms() const noexcept { return rooms_; }
  const Names& names() const noexcept { return names_; }
  const Topics& topics() const noexcept { return topics_; }

 private:
  /// Runs `task(node)` on that shard: inline if it is this one. If memory is short on another
  /// shard, session `id` ends; here, std::bad_alloc tells the caller.
  template <typename Task>
  void at(session::SessionId id, base::ShardIndex shard, Task task);
  /// The shard on which that room, name or topic lives.
  base::ShardIndex home(std::string_view of) const noexcept;
  /// The same at the home of that room, name or topic.
  template <typename Task>
  void at_home(session::SessionId id, std::string_view of, Task task);

  base::ShardIndex shard_;
  Exchange& exchange_;
  session::Runner& runner_;
  Outlet outlet_;
  Rooms rooms_;
  Names names_;
  Topics topics_;
};

}  // namespace sigway::bus
