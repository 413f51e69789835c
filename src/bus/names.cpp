#include "bus/names.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/reserve.h"

namespace sigway::bus {

namespace event = dialects::event;
using dialects::ErrorCode;
using session::SessionId;
using session::Settlement;

namespace {

/// What the allocator takes for so many bytes.
std::size_t block(std::size_t bytes) noexcept {
  return std::max<std::size_t>(32, (bytes + 23) & ~std::size_t{15});
}

std::size_t outside(const std::string& text) noexcept {
  return text.capacity() > std::string().capacity() ? block(text.capacity() + 1) : 0;
}

/// A share of a quota that is given back unless it is kept.
template <typename Key>
class Share {
 public:
  Share(session::Quota<Key>& quota, const Key& key, std::size_t amount)
      : quota_(quota), key_(key), amount_(amount), is_taken_(quota.try_add(key, amount)) {}
  ~Share() {
    if (is_taken_ && !is_kept_) quota_.subtract(key_, amount_);
  }
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  bool is_taken() const noexcept { return is_taken_; }
  void keep() noexcept { is_kept_ = true; }

 private:
  session::Quota<Key>& quota_;
  const Key key_;
  const std::size_t amount_;
  const bool is_taken_;
  bool is_kept_ = false;
};

constexpr std::size_t kPointer = sizeof(void*);
constexpr std::size_t kQuotaRows = 3 * 48;  // at the most: of its sender and its address

}  // namespace

Sender Names::sender_of(const session::Caller& caller, dialects::Re re) noexcept {
  return {caller.id, re, session::Origin::mail(caller.address)};
}

std::size_t Names::row_cost(const Entry& entry) noexcept {
  // The node with its hash, and its bucket.
  return block(2 * kPointer + sizeof(Entry)) + kPointer + outside(entry.first);
}

Names::Names(Outlet& outlet, session::Runner& runner, MailboxTotals& totals, GiveBack give_back)
    : outlet_(outlet),
      runner_(runner),
      totals_(totals),
      give_back_(std::move(give_back)),
      expiry_timer_(base::Timer::calling<&Names::on_expiry>(this)) {}

Names::~Names() {
  for (auto& [key, name] : names_) {
    while (name.first != nullptr) drop_first(name);
  }
}

void Names::login(const session::Caller& caller, const std::string& key, SessionId replaces,
                  dialects::Re re) {
  auto& name = names_[key];
  if (!name.holder || name.holder->id == caller.id || (replaces && name.holder->id == replaces)) {
    take(key, name, caller, re);
    return;
  }
  if (const auto waits = std::find_if(
          name.waiting.begin(), name.waiting.end(),
          [&](const Waiting& waiting) { return replaces && waiting.caller.id == replaces; });
      waits != name.waiting.end()) {
    *waits = {caller, re};  // its turn passes on; it ends without an answer
    return;
  }
  name.waiting.push_back({caller, re});
  if (!name.probing) probe(key, name);
}

bool Names::may_ask(const std::string& key, const Waiting& who) const {
  return refusals_.may_probe(key, who.caller.address, runner_.now());
}

void Names::probe(const std::string& key, Name& name) {
  const auto how = std::any_of(name.waiting.begin(), name.waiting.end(),
                               [&](const Waiting& waiting) { return may_ask(key, waiting); })
                       ? session::Probe::ask
                       : session::Probe::look;
  const auto holder = name.holder->id;
  outlet_.probe(holder, how,
                [this, key, holder, how](bool alive) { on_probed(key, holder, how, alive); });
  name.probing = true;  // after what may fail
}

void Names::refuse(const std::string& key, const Waiting& who) {
  outlet_.or_end(who.caller.id, [&] {
    refusals_.refused(key, who.caller.address, runner_.now());
    outlet_.refuse({who.caller.id, who.re}, {.code = ErrorCode::name_taken, .to = "@" + key});
    outlet_.settle(who.caller.id, {Settlement::Kind::not_logged_in, key});
  });
}

void Names::pass_on(const std::string& key, Name& name, const Waiting& to) {
  // In the turn of another client, which must not end for it. The end gives the name back.
  outlet_.or_end(to.caller.id, [&] { take(key, name, to.caller, to.re); });
}

void Names::take(const std::string& key, Name& name, const session::Caller& caller,
                 dialects::Re re) {
  const Recipient who{caller.id, caller.dialect, {}};
  refusals_.admitted(key, caller.address);
  name.holder = Holder{caller.id, caller.dialect};
  // Before anybody hears of the new name: whoever is told then finds the old one free.
  if (!caller.name.empty() && caller.name != key) give_back_(caller.id, caller.name);
  const bool mail_first = caller.dialect->takes_mail_before_answer();
  if (!mail_first) outlet_.send(event::LoggedIn{key, re}, who);
  bool has_mail = true;
  for (const auto* mail = name.first; mail != nullptr && has_mail; mail = mail->next) {
    // As what comes later: the sender hears `busy` if the receiver's share is full.
    has_mail = outlet_.send(mail->event, {who.id, who.dialect, "@" + key}, mail->sender);
  }
  if (mail_first) outlet_.send(event::LoggedIn{key, re}, who);
  outlet_.settle(caller.id, {Settlement::Kind::logged_in, key});
  if (!has_mail) return;  // the session ends: the mail waits for the next one
  // After what may fail, or nobody would ever hear it.
  while (name.first != nullptr) drop_first(name);
}

void Names::on_probed(const std::string& key, SessionId holder, session::Probe how, bool alive) {
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  auto& name = entry->second;
  name.probing = false;
  if (!alive && name.holder && name.holder->id == holder && !name.waiting.empty()) {
    outlet_.or_end(holder, [&] {
      outlet_.send(event::NameLost{key}, Recipient{holder, name.holder->dialect, {}});
      outlet_.settle(holder, {Settlement::Kind::name_lost, key});
    });
    name.holder.reset();
  }
  // Without an allocation: those who may ask yet move to the front.
  std::size_t may_ask_yet = 0;
  for (auto& waiting : name.waiting) {
    if (!name.holder) {
      pass_on(key, name, waiting);
    } else if (how == session::Probe::look && may_ask(key, waiting)) {
      // Came while others had only a look.
      if (auto& place = name.waiting[may_ask_yet++]; &place != &waiting) place = std::move(waiting);
    } else {
      refuse(key, waiting);
    }
  }
  name.waiting.erase(name.waiting.begin() + static_cast<std::ptrdiff_t>(may_ask_yet),
                     name.waiting.end());
  if (!name.waiting.empty()) {
    if (base::try_from_reserve([&] { probe(key, name); })) return;
    for (const auto& waiting : std::exchange(name.waiting, {})) refuse(key, waiting);
  }
  erase_if_empty(key);
}

void Names::logout(SessionId id, const std::string& key, const session::Answer& answer) {
  if (const auto entry = names_.find(key); entry != names_.end()) {
    auto& name = entry->second;
    std::erase_if(name.waiting, [&](const Waiting& waiting) { return waiting.caller.id == id; });
    if (name.holder && name.holder->id == id) {
      name.holder.reset();
      if (!name.waiting.empty()) {
        const auto next = std::move(name.waiting.front());
        name.waiting.erase(name.waiting.begin());
        pass_on(key, name, next);
      }
    }
    erase_if_empty(key);
  }
  if (answer.dialect != nullptr)
    outlet_.send(event::LoggedOut{key, answer.re}, Recipient{id, answer.dialect, {}});
}

void Names::drain(SessionId id, const std::string& key) {
  if (const auto entry = names_.find(key); entry != names_.end()) {
    auto& holder = entry->second.holder;
    if (holder && holder->id == id) holder->drains = true;
  }
  outlet_.settle(id, {Settlement::Kind::name_drained, key});
}

void Names::say(const session::Caller& caller, const session::Letter& letter,
                const std::string& key, dialects::Re re) {
  auto& entry = *names_.try_emplace(key).first;
  try {
    say_to(entry, caller, letter, re);
  } catch (const std::bad_alloc&) {
    erase_if_empty(key);
    throw;  // the sender's session ends
  }
}

void Names::say_to(Entry& entry, const session::Caller& caller, const session::Letter& letter,
                   dialects::Re re) {
  const auto& key = entry.first;
  const auto& message = letter.message;
  const auto& holder = entry.second.holder;
  // Nobody would hear it: a mailbox goes with its server.
  if (holder ? holder->drains : outlet_.draining()) {
    outlet_.refuse({caller.id, re}, {.code = ErrorCode::draining, .to = "@" + key});
    return erase_if_empty(key);
  }
  if (holder) {
    auto sender = sender_of(caller, re);
    sender.transit = letter.parcel.transit();
    outlet_.send(event::Said{message.type, {}, caller.peer, caller.name, message.data},
                 Recipient{holder->id, holder->dialect, "@" + key}, sender);
    return;
  }
  if (!message.store) {
    outlet_.refuse({caller.id, re}, {.code = ErrorCode::nobody_there,
                                     .message = "Nobody has that name now.",
                                     .hint = "Send it again when somebody has logged in by it.",
                                     .to = "@" + key});
    erase_if_empty(key);
    return;
  }
  if (auto refused = store(entry, caller, message, re)) {
    refused->to = "@" + key;
    outlet_.refuse({caller.id, re}, *std::move(refused));
    erase_if_empty(key);
    return;
  }
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(
      message.lifetime.value_or(totals_.settings.lifetime));
  // The message is stored: whoever cannot be told so ends, and does not store it again.
  outlet_.or_end(caller.id, [&] {
    outlet_.send(event::Stored{"@" + key, static_cast<std::uint32_t>(lifetime.count()), re},
                 Recipient{caller.id, caller.dialect, {}});
  });
}

std::optional<dialects::Error> Names::store(Entry& entry, const session::Caller& caller,
                                            const dialects::Say& message, dialects::Re re) {
  const auto& settings = totals_.settings;
  auto& name = entry.second;
  const auto full = [](std::string_view message, std::string_view hint) {
    return dialects::Error{.code = ErrorCode::mailbox_full,
                           .message = std::string(message),
                           .hint = std::string(hint)};
  };
  // First without the copy that a letter is: a flood of refused ones must cost little.
  const auto least = message.data.size();
  if (name.messages >= settings.messages || name.bytes + least > settings.bytes)
    return full("", "");
  const auto lifetime = message.lifetime.value_or(settings.lifetime);
  Mail mail{.event = {message.type, {}, caller.peer, caller.name, message.data},
            .sender = sender_of(caller, re),
            .dialect = message.lifetime ? caller.dialect : nullptr,
            .address = caller.address,
            .expires = runner_.now() + lifetime,
            .name = &entry};
  const auto& said = mail.event;
  mail.cost = block(2 * kPointer + sizeof(Mail)) + kQuotaRows + outside(said.type) +
              outside(said.from) + outside(said.name) + outside(said.data.bytes);
  // The name's row is there for its mailbox alone, or the holder would have had the message.
  const auto row = name.first == nullptr ? row_cost(entry) : 0;
  if (name.bytes + mail.cost > settings.bytes) return full("", "");
  if (totals_.bytes + mail.cost + row > settings.total_bytes || totals_.memory.exceeded())
    return full("The mailboxes of this server are full.", "Try again in a minute.");
  // Whatever ends this early, a refusal or an allocation that fails, gives back what it has taken.
  Share sender(totals_.senders, caller.id.serial, 1);
  if (!sender.is_taken()) {
    return full("You have as many messages in mailboxes as a session may.",
                "Wait until some are read or expire. --mailbox-per-sender sets the limit.");
  }
  Share messages(totals_.addresses, mail.address, 1);
  if (!messages.is_taken()) {
    return full("Your address has as many messages in mailboxes as it may.",
                "Wait until some are read or expire. --mailbox-per-address sets the limit.");
  }
  Share bytes(totals_.address_bytes, mail.address, mail.cost);
  if (!bytes.is_taken()) {
    return full("Your address fills a quarter of all mailboxes, which is as much as it may.",
                "Wait until some are read or expire. --mailbox-total-bytes sets the whole.");
  }
  auto& queue = mail_[lifetime];
  queue.push_back(std::move(mail));
  sender.keep();
  messages.keep();
  bytes.keep();
  auto& kept = queue.back();
  charge(kept.cost + row);
  name.bytes += kept.cost;
  ++name.messages;
  kept.queue = &queue;
  kept.self = std::prev(queue.end());
  (name.first == nullptr ? name.first : name.last->next) = &kept;
  name.last = &kept;
  if (queue.size() == 1) schedule_expiry();
  return std::nullopt;
}

void Names::drop(const Mail& mail, Mail* before) {
  auto& name = mail.name->second;
  totals_.senders.subtract(mail.sender.id.serial);
  totals_.addresses.subtract(mail.address);
  totals_.address_bytes.subtract(mail.address, mail.cost);
  name.bytes -= mail.cost;
  --name.messages;
  (before == nullptr ? name.first : before->next) = mail.next;
  if (name.last == &mail) name.last = before;
  release(mail.cost + (name.first == nullptr ? row_cost(*mail.name) : 0));
  mail.queue->erase(mail.self);
}

void Names::charge(std::size_t bytes) {
  totals_.bytes += bytes;
  totals_.memory.charge(base::MemoryPart::mailbox, bytes);
}

void Names::release(std::size_t bytes) {
  totals_.bytes -= bytes;
  totals_.memory.release(base::MemoryPart::mailbox, bytes);
}

std::size_t Names::stored() const noexcept {
  std::size_t count = 0;
  for (const auto& [lifetime, queue] : mail_) count += queue.size();
  return count;
}

void Names::schedule_expiry() {
  auto first = base::TimePoint::max();
  for (const auto& [lifetime, queue] : mail_) {
    if (!queue.empty()) first = std::min(first, queue.front().expires);
  }
  if (first != base::TimePoint::max()) runner_.wheel().schedule(expiry_timer_, first);
}

void Names::on_expiry() {
  const auto now = runner_.now();
  for (auto& [lifetime, queue] : mail_) {
    while (!queue.empty() && queue.front().expires <= now) expire(queue.front());
  }
  schedule_expiry();
}

void Names::expire(Mail& mail) {
  auto& entry = *mail.name;
  const auto& key = entry.first;
  const auto sender = mail.sender.id;
  const auto* const dialect = mail.dialect;
  auto sender_name = std::move(mail.event.name);
  Mail* before = nullptr;
  for (auto* each = entry.second.first; each != nullptr;) {
    auto* const next = each->next;
    const bool expires =
        dialect == nullptr ? each == &mail : each->dialect != nullptr && each->sender.id == sender;
    if (expires) {
      drop(*each, before);
      if (dialect == nullptr) break;
    } else {
      before = each;
    }
    each = next;
  }
  if (dialect != nullptr) {
    // No session is being served now. If memory is short, the sender's session ends; it would wait
    // for this event for ever.
    outlet_.or_end(sender, [&] {
      outlet_.send(event::Expired{"@" + key, std::move(sender_name)},
                   Recipient{sender, dialect, {}});
    });
  }
  erase_if_empty(key);
}

void Names::erase_if_empty(const std::string& key) {
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  const auto& name = entry->second;
  if (!name.holder && name.waiting.empty() && !name.probing && name.first == nullptr)
    names_.erase(entry);
}

}  // namespace sigway::bus
