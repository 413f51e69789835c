#include "bus/names.h"

#include <algorithm>
#include <utility>

namespace sigway::bus {

namespace event = dialects::event;
using dialects::ErrorCode;
using session::SessionId;
using session::Settlement;

std::size_t Names::Mail::cost() const noexcept {
  return sizeof(Mail) + event.type.size() + event.from.size() + event.name.size() +
         event.data.size();
}

Names::Names(Outlet& outlet, session::Runner& runner, MailboxTotals& totals)
    : outlet_(outlet),
      runner_(runner),
      totals_(totals),
      expiry_timer_(base::Timer::calling<&Names::on_expiry>(this)) {}

Names::~Names() {
  for (auto& [key, name] : names_) {
    while (!name.mailbox.empty()) drop_front(name);
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
  if (std::exchange(name.probing, true)) return;
  outlet_.probe(name.holder->id, [this, key, holder = name.holder->id](bool alive) {
    on_probed(key, holder, alive);
  });
}

void Names::take(const std::string& key, Name& name, const session::Caller& caller,
                 dialects::Re re) {
  const Recipient who{caller.id, caller.dialect, {}};
  name.holder = Holder{caller.id, caller.dialect};
  while (!name.mailbox.empty()) {
    outlet_.send(name.mailbox.front().event, who);
    drop_front(name);
  }
  outlet_.send(event::LoggedIn{key, re}, who);
  outlet_.settle(caller.id, {Settlement::Kind::logged_in, key});
}

void Names::on_probed(const std::string& key, SessionId holder, bool alive) {
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  auto& name = entry->second;
  name.probing = false;
  if (!alive && name.holder && name.holder->id == holder && !name.waiting.empty()) {
    outlet_.send(event::NameLost{key}, Recipient{holder, name.holder->dialect, {}});
    outlet_.settle(holder, {Settlement::Kind::name_lost, key});
    name.holder.reset();
  }
  for (const auto& waiting : std::exchange(name.waiting, {})) {
    if (!name.holder) {
      take(key, name, waiting.caller, waiting.re);
      continue;
    }
    outlet_.refuse({waiting.caller.id, waiting.re},
                   {.code = ErrorCode::name_taken, .to = "@" + key});
    outlet_.settle(waiting.caller.id, {Settlement::Kind::not_logged_in, key});
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
        name.waiting.pop_front();
        take(key, name, next.caller, next.re);
      }
    }
    erase_if_empty(key);
  }
  if (answer.dialect != nullptr)
    outlet_.send(event::LoggedOut{key, answer.re}, Recipient{id, answer.dialect, {}});
}

void Names::say(const session::Caller& caller, const dialects::Say& message, dialects::Re re) {
  const auto& key = message.to.front().value;
  const Sender sender{caller.id, re};
  auto& name = names_[key];
  if (name.holder) {
    outlet_.send(event::Said{message.type, {}, caller.peer, caller.name, message.data},
                 Recipient{name.holder->id, name.holder->dialect, "@" + key}, sender);
    return;
  }
  if (store(key, name, caller, message)) {
    const auto lifetime =
        std::chrono::duration_cast<std::chrono::seconds>(totals_.settings.lifetime);
    outlet_.send(event::Stored{"@" + key, static_cast<std::uint32_t>(lifetime.count()), re},
                 Recipient{caller.id, caller.dialect, {}});
  } else {
    outlet_.refuse(sender, {.code = ErrorCode::mailbox_full, .to = "@" + key});
    erase_if_empty(key);
  }
}

bool Names::store(const std::string& key, Name& name, const session::Caller& caller,
                  const dialects::Say& message) {
  const auto& settings = totals_.settings;
  Mail mail{
      {message.type, {}, caller.peer, caller.name, message.data}, caller.id.serial, next_mail_};
  const auto cost = mail.cost();
  if (name.mailbox.size() >= settings.messages || name.mailbox_bytes + cost > settings.bytes)
    return false;
  if (totals_.bytes + cost > settings.total_bytes || totals_.memory.exceeded()) return false;
  if (!totals_.senders.try_add(mail.sender)) return false;
  totals_.bytes += cost;
  totals_.memory.charge(base::MemoryPart::mailbox, cost);
  name.mailbox_bytes += cost;
  const auto expires = runner_.now() + settings.lifetime;
  expiries_.push_back({expires, key, next_mail_++});
  if (expiries_.size() == 1) runner_.wheel().schedule(expiry_timer_, expires);
  name.mailbox.push_back(std::move(mail));
  return true;
}

void Names::drop_front(Name& name) {
  const auto& mail = name.mailbox.front();
  const auto cost = mail.cost();
  totals_.bytes -= cost;
  totals_.memory.release(base::MemoryPart::mailbox, cost);
  totals_.senders.subtract(mail.sender);
  name.mailbox_bytes -= cost;
  name.mailbox.pop_front();
}

void Names::on_expiry() {
  const auto now = runner_.now();
  while (!expiries_.empty() && expiries_.front().at <= now) {
    const auto expiry = std::move(expiries_.front());
    expiries_.pop_front();
    const auto entry = names_.find(expiry.name);
    if (entry == names_.end()) continue;
    auto& mailbox = entry->second.mailbox;
    if (!mailbox.empty() && mailbox.front().serial == expiry.serial) drop_front(entry->second);
    erase_if_empty(expiry.name);
  }
  if (!expiries_.empty()) runner_.wheel().schedule(expiry_timer_, expiries_.front().at);
}

void Names::erase_if_empty(const std::string& key) {
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  const auto& name = entry->second;
  if (!name.holder && name.waiting.empty() && !name.probing && name.mailbox.empty())
    names_.erase(entry);
}

}  // namespace sigway::bus
