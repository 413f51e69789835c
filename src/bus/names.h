#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/keyed_hash.h"
#include "base/memory_budget.h"
#include "base/timer_wheel.h"
#include "bus/outlet.h"
#include "dialects/command.h"
#include "session/quota.h"
#include "session/switchboard.h"

namespace sigway::bus {

struct MailboxSettings {
  base::Duration lifetime = std::chrono::seconds(60);
  std::size_t messages = 64;        ///< for one name
  std::size_t bytes = 256U << 10U;  ///< for one name
  std::size_t total_bytes = 64U << 20U;
  std::size_t per_sender = 256;  ///< messages of one session, in all mailboxes
};

/// What the mailboxes of all shards count together.
struct MailboxTotals {
  MailboxTotals(const MailboxSettings& with, base::MemoryBudget& budget)
      : settings(with), memory(budget), senders(with.per_sender) {}

  MailboxSettings settings;
  base::MemoryBudget& memory;
  std::atomic<std::size_t> bytes{0};
  session::Quota<std::uint64_t> senders;  ///< by serial
};

/// The names that live on one shard, who holds them, and the mail for those that nobody holds.
/// docs/protocol.md, "Names". Thread: its shard.
class Names {
 public:
  Names(Outlet& outlet, session::Runner& runner, MailboxTotals& totals);
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  void login(const session::Caller& caller, const std::string& name, session::SessionId replaces,
             dialects::Re re);
  void logout(session::SessionId id, const std::string& name, const session::Answer& answer);
  /// To whoever holds the name that `message.to` names, or to its mailbox.
  void say(const session::Caller& caller, const dialects::Say& message, dialects::Re re);

  std::size_t size() const noexcept { return names_.size(); }
  std::size_t stored() const noexcept { return expiries_.size(); }

 private:
  struct Holder {
    session::SessionId id;
    const dialects::Dialect* dialect = nullptr;
  };
  struct Waiting {
    session::Caller caller;
    dialects::Re re = 0;
  };
  struct Mail {
    dialects::event::Said event;
    std::uint64_t sender = 0;
    std::uint64_t serial = 0;

    std::size_t cost() const noexcept;
  };
  struct Name {
    std::optional<Holder> holder;
    std::deque<Waiting> waiting;  // for the holder's answer to a probe
    bool probing = false;
    std::deque<Mail> mailbox;
    std::size_t mailbox_bytes = 0;
  };
  struct Expiry {
    base::TimePoint at;
    std::string name;
    std::uint64_t serial;
  };

  void take(const std::string& key, Name& name, const session::Caller& caller, dialects::Re re);
  void on_probed(const std::string& key, session::SessionId holder, bool alive);
  bool store(const std::string& key, Name& name, const session::Caller& caller,
             const dialects::Say& message);
  void drop_front(Name& name);
  void on_expiry();
  void erase_if_empty(const std::string& key);

  Outlet& outlet_;
  session::Runner& runner_;
  MailboxTotals& totals_;
  base::KeyedMap<Name> names_;
  // The lifetime is one for all, so mail expires in the order in which it came. Mail handed over
  // before leaves its row here.
  std::deque<Expiry> expiries_;
  std::uint64_t next_mail_ = 1;
  base::Timer expiry_timer_;
};

}  // namespace sigway::bus
