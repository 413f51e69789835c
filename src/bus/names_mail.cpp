// The mailboxes: what was said to names that nobody has.

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "base/reserve.h"
#include "bus/names.h"

namespace sigway::bus {

namespace event = dialects::event;
using dialects::ErrorCode;

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

Sender Names::sender_of(const session::Caller& caller, const session::Letter& letter,
                        dialects::Re re) noexcept {
  return {.id = caller.id,
          .re = re,
          .origin = session::Origin::mail(caller.address),
          .speaker = letter.speaker};
}

std::size_t Names::row_cost(const Entry& entry) noexcept {
  // The node with its hash, and its bucket.
  return block(2 * kPointer + sizeof(Entry)) + kPointer + outside(entry.first);
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
  auto& name = entry.second;
  const auto& holder = name.holder;
  const bool has_heir = name.is_moving && !name.waiting.empty();
  // Nobody would hear it: a mailbox goes with its server.
  const bool would_wait = !holder || (name.is_moving && !has_heir);
  if ((holder && holder->drains) || (would_wait && outlet_.draining())) {
    outlet_.refuse({caller.id, re}, {.code = ErrorCode::draining, .to = "@" + key});
    return erase_if_empty(key);
  }
  if (holder && !name.is_moving) {
    auto sender = sender_of(caller, letter, re);
    sender.transit = letter.parcel.transit();
    sender.postmark = postmark_of(key, caller, letter, re, holder->dialect);
    name.has_written = true;
    outlet_.send(event::Said{message.type, {}, caller.peer, caller.name, message.data},
                 Recipient{holder->id, holder->dialect, "@" + key}, sender);
    return;
  }
  if (!message.store && !has_heir) {
    outlet_.refuse({caller.id, re}, {.code = ErrorCode::nobody_there,
                                     .message = "Nobody has that name now.",
                                     .hint = "Send it again when somebody has logged in by it.",
                                     .to = "@" + key});
    erase_if_empty(key);
    return;
  }
  if (auto refused = store(entry, caller, letter, re)) {
    refused->to = "@" + key;
    outlet_.refuse({caller.id, re}, *std::move(refused));
    erase_if_empty(key);
    return;
  }
  if (!message.store) return;  // the heir has it in a moment
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(
      message.lifetime.value_or(totals_.settings.lifetime));
  // The message is stored: whoever cannot be told so ends, and does not store it again.
  outlet_.or_end(caller.id, [&] {
    outlet_.send(event::Stored{"@" + key, static_cast<std::uint32_t>(lifetime.count()), re},
                 Recipient{caller.id, caller.dialect, {}});
  });
}

namespace {

dialects::Error full(std::string_view message, std::string_view hint) {
  return {
      .code = ErrorCode::mailbox_full, .message = std::string(message), .hint = std::string(hint)};
}

}  // namespace

std::optional<dialects::Error> Names::store(Entry& entry, const session::Caller& caller,
                                            const session::Letter& letter, dialects::Re re) {
  const auto& message = letter.message;
  const auto& settings = totals_.settings;
  const auto& name = entry.second;
  // First without the copy that a letter is: a flood of refused ones must cost little.
  const auto least = message.data.size();
  if (name.messages >= settings.messages || name.bytes + least > settings.bytes)
    return full("", "");
  auto lifetime = message.lifetime.value_or(settings.lifetime);
  if (!message.store) lifetime = std::max(lifetime, kHandOver);
  return store(entry,
               {.event = {message.type, {}, caller.peer, caller.name, message.data},
                .sender = sender_of(caller, letter, re),
                .spoken = caller.dialect,
                .number = next_number_++,
                .address = caller.address,
                .stores = message.store,
                .tells_expiry = message.lifetime.has_value(),
                .owes_word = !message.store,
                .name = &entry},
               runner_.now() + lifetime);
}

std::optional<dialects::Error> Names::store(Entry& entry, Mail mail, base::TimePoint expires) {
  const auto& settings = totals_.settings;
  auto& name = entry.second;
  if (name.messages >= settings.messages) return full("", "");
  const auto& said = mail.event;
  mail.cost = block(4 * kPointer + sizeof(Queue::value_type)) + kQuotaRows + outside(said.type) +
              outside(said.from) + outside(said.name) + outside(said.data.bytes) +
              (mail.encoded ? block(mail.encoded->size()) : 0);
  // The name's row is there for its mailbox alone, or the holder would have had the message.
  const auto row = name.first == nullptr ? row_cost(entry) : 0;
  if (name.bytes + mail.cost > settings.bytes) return full("", "");
  if (totals_.bytes + mail.cost + row > settings.total_bytes || totals_.memory.exceeded())
    return full("The mailboxes of this server are full.", "Try again in a minute.");
  // Whatever ends this early, a refusal or an allocation that fails, gives back what it has taken.
  Share sender(totals_.senders, mail.sender.id.serial, 1);
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
  const auto place = mail_.emplace(expires, std::move(mail));
  sender.keep();
  messages.keep();
  bytes.keep();
  auto& kept = place->second;
  charge(kept.cost + row);
  name.bytes += kept.cost;
  ++name.messages;
  kept.self = place;
  // What comes back is older than what was said since.
  Mail* before = nullptr;
  if (name.last != nullptr && name.last->number < kept.number) {
    before = name.last;
  } else {
    for (auto* each = name.first; each != nullptr && each->number < kept.number; each = each->next)
      before = each;
  }
  auto*& from_before = before == nullptr ? name.first : before->next;
  kept.next = std::exchange(from_before, &kept);
  if (kept.next == nullptr) name.last = &kept;
  if (place == mail_.begin()) schedule_expiry();
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
  mail_.erase(mail.self);
}

void Names::charge(std::size_t bytes) {
  totals_.bytes += bytes;
  totals_.memory.charge(base::MemoryPart::mailbox, bytes);
}

void Names::release(std::size_t bytes) {
  totals_.bytes -= bytes;
  totals_.memory.release(base::MemoryPart::mailbox, bytes);
}

std::size_t Names::stored() const noexcept { return mail_.size(); }

void Names::schedule_expiry() {
  if (!mail_.empty()) runner_.wheel().schedule(expiry_timer_, mail_.begin()->first);
}

void Names::on_expiry() {
  const auto now = runner_.now();
  while (!mail_.empty() && mail_.begin()->first <= now) expire(mail_.begin()->second);
  schedule_expiry();
}

void Names::expire(Mail& mail) {
  const auto& key = mail.name->first;
  drop_expired(mail);
  erase_if_empty(key);
}

void Names::drop_expired(Mail& mail) {
  auto& entry = *mail.name;
  const auto& key = entry.first;
  const auto sender = mail.sender.id;
  const auto re = mail.sender.re;
  const auto speaker = mail.sender.speaker;
  const bool owes_word = mail.owes_word;
  const auto* const dialect = mail.tells_expiry ? mail.spoken : nullptr;
  auto sender_name = std::exchange(mail.event.name, {});
  Mail* before = nullptr;
  for (auto* each = entry.second.first; each != nullptr;) {
    auto* const next = each->next;
    const bool expires =
        dialect == nullptr ? each == &mail : each->tells_expiry && each->sender.id == sender;
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
                   Recipient{sender, dialect, {}}, {.id = {}, .speaker = speaker});
    });
  } else if (owes_word) {
    outlet_.or_end(sender, [&] {
      outlet_.refuse({.id = sender, .re = re, .speaker = speaker},
                     {.code = ErrorCode::nobody_there,
                      .message = "Whoever had that name has gone without having "
                                 "confirmed this message.",
                      .hint = "Send it again when somebody has logged in by it.",
                      .to = "@" + key});
    });
  }
}

void Names::drain() {
  std::vector<std::string> keys;
  base::try_from_reserve([&] {
    keys.clear();
    for (const auto& [key, name] : names_) {
      if (name.first != nullptr) keys.push_back(key);
    }
  });
  for (const auto& key : keys) erase_if_empty(key);
}

void Names::refuse_stored(Name& name, const std::string& key) {
  while (name.first != nullptr) {
    if (name.first->tells_expiry) {
      drop_expired(*name.first);
      continue;
    }
    const auto sender = name.first->sender;
    drop_first(name);
    outlet_.or_end(sender.id, [&] {
      outlet_.refuse(sender, session::not_taken(session::SendStatus::draining, "@" + key));
    });
  }
}

void Names::erase_if_empty(const std::string& key) {
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  auto& name = entry->second;
  if (name.holder || !name.waiting.empty() || name.probing || name.is_moving) return;
  if (outlet_.draining()) refuse_stored(name, entry->first);
  if (name.first == nullptr) names_.erase(entry);
}

}  // namespace sigway::bus
