#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/address_key.h"
#include "base/clock.h"
#include "base/keyed_hash.h"
#include "base/memory_budget.h"
#include "base/timer_wheel.h"
#include "bus/outlet.h"
#include "bus/refusals.h"
#include "dialects/command.h"
#include "session/quota.h"
#include "session/switchboard.h"

namespace sigway::bus {

struct MailboxSettings {
  base::Duration lifetime = std::chrono::seconds(60);
  std::size_t messages = 64;        ///< for one name
  std::size_t bytes = 256U << 10U;  ///< for one name
  std::size_t total_bytes = 64U << 20U;
  std::size_t per_sender = 256;    ///< messages of one session, in all mailboxes
  std::size_t per_address = 4096;  ///< messages of one address, in all mailboxes
};

/// What the mailboxes of all shards count together.
struct MailboxTotals {
  MailboxTotals(const MailboxSettings& with, base::MemoryBudget& budget)
      : settings(with),
        memory(budget),
        senders(with.per_sender),
        addresses(with.per_address),
        address_bytes(std::max<std::size_t>(1, with.total_bytes / 4)) {}

  MailboxSettings settings;
  base::MemoryBudget& memory;
  std::atomic<std::size_t> bytes{0};
  session::Quota<std::uint64_t> senders;  ///< by serial
  /// Messages and bytes of one address, which may fill a quarter: many sessions cost nothing.
  session::Quota<base::AddressKey> addresses, address_bytes;
};

/// The names that live on one shard, who holds them, and the mail for those that nobody holds.
/// docs/protocol.md, "Names". Thread: its shard.
class Names {
 public:
  /// Gives a name back, wherever it lives, as `logout` does.
  using GiveBack = std::function<void(session::SessionId id, const std::string& name)>;

  Names(Outlet& outlet, session::Runner& runner, MailboxTotals& totals, GiveBack give_back);
  ~Names();
  Names(const Names&) = delete;
  Names& operator=(const Names&) = delete;

  void login(const session::Caller& caller, const std::string& name, session::SessionId replaces,
             dialects::Re re);
  void logout(session::SessionId id, const std::string& name, const session::Answer& answer);
  /// The holder is about to be sent away: what is said to the name is refused from now on.
  void drain(session::SessionId id, const std::string& name);
  /// The server shuts down. What waits for holders that are not about to come is refused, now and
  /// from now on: no mailbox outlives its server.
  void drain();
  /// The session has ended, or its client is given up in a drain, and it gives back a name, or its
  /// wish for one. What was said to that name and not acknowledged is for the next holder, whom it
  /// reaches before all that is said later.
  void hand_over(session::SessionId id, const std::string& name, const session::UnreadMail& unread);
  /// To whoever holds the name, or to its mailbox.
  void say(const session::Caller& caller, const session::Letter& letter, const std::string& name,
           dialects::Re re);

  std::size_t size() const noexcept { return names_.size(); }
  std::size_t stored() const noexcept;

 private:
  struct Holder {
    session::SessionId id;
    const dialects::Dialect* dialect = nullptr;
    bool drains = false;
  };
  struct Waiting {
    session::Caller caller;
    dialects::Re re = 0;
    bool is_heir = false;  // it replaces the holder
  };
  struct Mail;
  struct Name {
    std::optional<Holder> holder;
    std::vector<Waiting> waiting;  // for the holder's answer to a probe, or its unread mail
    bool probing = false;
    bool has_written = false;      // to the holder, which may have unread mail
    bool is_moving = false;        // the unread mail of the holder is on its way here
    bool has_lost_holder = false;  // it has ended: the name is free when its mail has come
    Mail* first = nullptr;         // its mailbox, in the order of arrival
    Mail* last = nullptr;
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };
  using Entry = std::pair<const std::string, Name>;    // of the table, which never moves it
  using Queue = std::multimap<base::TimePoint, Mail>;  // of all mailboxes, by when they expire
  struct Mail {
    dialects::event::Said event;          // without its words if it is encoded already
    dialects::EncodedEvent encoded = {};  // it had a holder, who has not acknowledged it
    const dialects::Dialect* encoded_in = nullptr;
    Sender sender;
    const dialects::Dialect* spoken = nullptr;  // the sender's
    std::uint64_t number = 0;                   // its place in the mailbox
    base::AddressKey address;
    bool stores = true;         // else it waits for a holder who is about to come
    bool tells_expiry = false;  // by `Expired`
    bool owes_word = false;     // its sender takes it for delivered: a refusal tells of the expiry
    std::size_t cost = 0;
    Entry* name = nullptr;
    Mail* next = nullptr;  // in the same mailbox
    Queue::iterator self = {};
  };

  /// A message that waits for a holder who is about to come lives so long at the least.
  static constexpr base::Duration kHandOver = std::chrono::seconds(10);

  void take(const std::string& key, Name& name, const session::Caller& caller, dialects::Re re);
  void pass_on(const std::string& key, Name& name, const Waiting& to);
  void refuse(const std::string& key, const Waiting& who);
  bool may_ask(const std::string& key, const Waiting& who) const;
  void probe(const std::string& key, Name& name);
  void on_probed(const std::string& key, session::SessionId holder, session::Probe how, bool alive);
  void say_to(Entry& entry, const session::Caller& caller, const session::Letter& letter,
              dialects::Re re);
  /// Why not, or nothing when it was put into the mailbox.
  std::optional<dialects::Error> store(Entry& entry, const session::Caller& caller,
                                       const session::Letter& letter, dialects::Re re);
  std::optional<dialects::Error> store(Entry& entry, Mail mail, base::TimePoint expires);
  std::shared_ptr<const session::Postmark> postmark_of(const std::string& key,
                                                       const session::Caller& caller,
                                                       const session::Letter& letter,
                                                       dialects::Re re,
                                                       const dialects::Dialect* encoded);
  /// Hands a message from the mailbox to the holder. False: the holder ends.
  bool hand_out(const std::string& key, Mail& mail, const Recipient& to);
  void put_back(session::SessionId from, const session::Unread& unread);
  void put_back(Entry& entry, session::SessionId from, const session::Unread& unread);
  void refuse_unread(const session::Unread& unread, dialects::Error error);
  /// The holder has unread mail, or may have: asks for it, and lets nobody have the name before.
  void begin_move(const std::string& key, Name& name);
  void on_moved(const std::string& key, session::SessionId holder,
                const session::UnreadMail& unread);
  /// The name is free.
  void pass_on_free(const std::string& key, Name& name);
  void probe_for_waiting(const std::string& key, Name& name);
  void drop_first(Name& name) { drop(*name.first, nullptr); }
  /// Takes it out of its mailbox, where it follows `before`; none: it is the first.
  void drop(const Mail& mail, Mail* before);
  void charge(std::size_t bytes);
  void release(std::size_t bytes);
  static Sender sender_of(const session::Caller& caller, const session::Letter& letter,
                          dialects::Re re) noexcept;
  static std::size_t row_cost(const Entry& entry) noexcept;
  void schedule_expiry();
  void on_expiry();
  void expire(Mail& mail);
  /// Drops it, and with it what its sender is told of by the same event.
  void drop_expired(Mail& mail);
  void refuse_stored(Name& name, const std::string& key);
  /// Refuses, in a drain, what waits for a name that nobody has or is about to have.
  void erase_if_empty(const std::string& key);

  Outlet& outlet_;
  session::Runner& runner_;
  MailboxTotals& totals_;
  GiveBack give_back_;
  Refusals refusals_;
  base::KeyedMap<Name> names_;
  Queue mail_;
  std::uint64_t next_number_ = 1;
  base::Timer expiry_timer_;
};

}  // namespace sigway::bus
