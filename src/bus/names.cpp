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

Names::Names(Outlet& outlet, session::Runner& runner, MailboxTotals& totals, GiveBack give_back)
    : outlet_(outlet),
      runner_(runner),
      totals_(totals),
      give_back_(std::move(give_back)),
      expiry_timer_(base::Timer::calling<&Names::on_expiry>(this)) {
  outlet_.when_undelivered(
      [this](SessionId from, const session::Unread& unread) { put_back(from, unread); });
}

Names::~Names() {
  for (auto& [key, name] : names_) {
    while (name.first != nullptr) drop_first(name);
  }
}

void Names::login(const session::Caller& caller, const std::string& key, SessionId replaces,
                  dialects::Re re) {
  auto& name = names_[key];
  const bool is_heir = replaces && name.holder && name.holder->id == replaces;
  if (!name.is_moving &&
      (!name.holder || name.holder->id == caller.id || (is_heir && !name.has_written))) {
    take(key, name, caller, re);
    return;
  }
  if (is_heir) {
    name.waiting.reserve(name.waiting.size() + 1);  // then nothing fails after the move has begun
    if (!name.is_moving) begin_move(key, name);
    name.waiting.insert(name.waiting.begin(), Waiting{caller, re, true});
    return;
  }
  if (const auto waits = std::find_if(
          name.waiting.begin(), name.waiting.end(),
          [&](const Waiting& waiting) { return replaces && waiting.caller.id == replaces; });
      waits != name.waiting.end()) {
    *waits = {caller, re, waits->is_heir};  // its turn passes on; it ends without an answer
    return;
  }
  name.waiting.push_back({caller, re});
  if (!name.probing && !name.is_moving) probe(key, name);
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
  const bool was_its_own = name.holder && name.holder->id == caller.id;
  name.has_written = name.first != nullptr || (was_its_own && name.has_written);
  name.holder = Holder{caller.id, caller.dialect};
  // Before anybody hears of the new name: whoever is told then finds the old one free.
  if (!caller.name.empty() && caller.name != key) give_back_(caller.id, caller.name);
  const bool mail_first = caller.dialect->takes_mail_before_answer();
  if (!mail_first) outlet_.send(event::LoggedIn{key, re}, who);
  bool has_mail = true;
  for (auto* mail = name.first; mail != nullptr && has_mail; mail = mail->next)
    has_mail = hand_out(key, *mail, {who.id, who.dialect, "@" + key});
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
  if (name.is_moving) return;  // `on_moved` goes on
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
      name.has_written = false;
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
  probe_for_waiting(key, name);
  erase_if_empty(key);
}

void Names::probe_for_waiting(const std::string& key, Name& name) {
  if (name.waiting.empty() || name.probing) return;
  if (base::try_from_reserve([&] { probe(key, name); })) return;
  for (const auto& waiting : std::exchange(name.waiting, {})) refuse(key, waiting);
}

void Names::logout(SessionId id, const std::string& key, const session::Answer& answer) {
  if (const auto entry = names_.find(key); entry != names_.end()) {
    auto& name = entry->second;
    std::erase_if(name.waiting, [&](const Waiting& waiting) { return waiting.caller.id == id; });
    if (name.holder && name.holder->id == id) {
      if (name.is_moving) {
        name.has_lost_holder = true;
      } else {
        pass_on_free(key, name);
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

void Names::pass_on_free(const std::string& key, Name& name) {
  name.holder.reset();
  name.has_written = false;
  if (name.waiting.empty()) return;
  const auto next = std::move(name.waiting.front());
  name.waiting.erase(name.waiting.begin());
  pass_on(key, name, next);
}

// -- From one holder to the next

void Names::hand_over(SessionId id, const std::string& key, const session::UnreadMail& unread) {
  const auto is_its_own = [&](const Waiting& waiting) { return waiting.caller.id == id; };
  if (const auto entry = names_.find(key); entry != names_.end())
    std::erase_if(entry->second.waiting, is_its_own);
  for (const auto& each : unread) put_back(id, each);
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  auto& name = entry->second;
  if (name.holder && name.holder->id == id) {
    // What was written and had not arrived when the session ended comes back after this. If memory
    // is short, the name is free, and the senders of that hear a refusal.
    if (!name.is_moving && name.has_written) base::try_from_reserve([&] { begin_move(key, name); });
    if (name.is_moving) {
      name.has_lost_holder = true;
    } else {
      pass_on_free(key, name);
    }
  }
  erase_if_empty(key);
}

void Names::begin_move(const std::string& key, Name& name) {
  const auto holder = name.holder->id;
  outlet_.take_unread(holder, key, [this, key, holder](const session::UnreadMail& unread) {
    on_moved(key, holder, unread);
  });
  name.is_moving = true;  // after what may fail
}

void Names::on_moved(const std::string& key, SessionId holder, const session::UnreadMail& unread) {
  for (const auto& each : unread) put_back(holder, each);
  const auto entry = names_.find(key);
  if (entry == names_.end()) return;
  auto& name = entry->second;
  name.is_moving = false;
  const bool has_lost_holder = std::exchange(name.has_lost_holder, false);
  if (has_lost_holder || (!name.waiting.empty() && name.waiting.front().is_heir))
    pass_on_free(key, name);
  probe_for_waiting(key, name);
  erase_if_empty(key);
}

void Names::put_back(SessionId from, const session::Unread& unread) {
  const auto& mark = *unread.postmark;
  // No session is being served now: a sender that could not be told ends.
  outlet_.or_end(mark.sender, [&] {
    auto& entry = *names_.try_emplace(mark.name).first;
    try {
      put_back(entry, from, unread);
    } catch (const std::bad_alloc&) {
      erase_if_empty(mark.name);
      throw;
    }
    erase_if_empty(mark.name);
  });
}

void Names::put_back(Entry& entry, SessionId from, const session::Unread& unread) {
  const auto& mark = *unread.postmark;
  auto& name = entry.second;
  // Once it has given the name up, or lost it, others may have read what was said later.
  const bool is_next = name.holder && name.holder->id == from;
  const bool has_heir = !name.waiting.empty();
  const auto now = runner_.now();
  if (!is_next || (!has_heir && (!mark.stores || mark.expires <= now))) {
    return refuse_unread(unread,
                         {.code = ErrorCode::nobody_there,
                          .message = "Whoever had that name has gone without having confirmed this "
                                     "message.",
                          .hint = "It may not have arrived. Send it again."});
  }
  if (!has_heir && outlet_.draining())
    return refuse_unread(unread, session::not_taken(session::SendStatus::draining, {}));
  for (const auto* mail = name.first; mail != nullptr; mail = mail->next) {
    if (mail->number == mark.number) return;  // it could not be handed out, and is here yet
  }
  Mail mail{.event = {{}, {}, {}, mark.sender_name, {}},
            .encoded = unread.event,
            .encoded_in = mark.encoded,
            .sender = {.id = mark.sender,
                       .re = mark.re,
                       .origin = session::Origin::mail(mark.address),
                       .speaker = mark.speaker},
            .spoken = mark.spoken,
            .number = mark.number,
            .address = mark.address,
            .stores = mark.stores,
            .tells_expiry = mark.tells_expiry,
            .owes_word = has_heir,
            .name = &entry};
  const auto expires = std::max(mark.expires, has_heir ? now + kHandOver : now);
  if (auto refused = store(entry, std::move(mail), expires))
    return refuse_unread(unread, *std::move(refused));
  if (has_heir) return;  // it has the message in a moment
  const auto left = std::chrono::duration_cast<std::chrono::seconds>(expires - now);
  outlet_.send(event::Stored{"@" + mark.name, static_cast<std::uint32_t>(left.count()), mark.re},
               Recipient{mark.sender, mark.spoken, {}});
}

void Names::refuse_unread(const session::Unread& unread, dialects::Error error) {
  const auto& mark = *unread.postmark;
  if (mark.tells_expiry) {
    outlet_.send(event::Expired{"@" + mark.name, mark.sender_name},
                 Recipient{mark.sender, mark.spoken, {}}, {.id = {}, .speaker = mark.speaker});
    return;
  }
  error.to = "@" + mark.name;
  outlet_.refuse({.id = mark.sender, .re = mark.re, .speaker = mark.speaker}, std::move(error));
}

std::shared_ptr<const session::Postmark> Names::postmark_of(const std::string& key,
                                                            const session::Caller& caller,
                                                            const session::Letter& letter,
                                                            dialects::Re re,
                                                            const dialects::Dialect* encoded) {
  const auto& message = letter.message;
  return std::make_shared<const session::Postmark>(session::Postmark{
      .name = key,
      .number = next_number_++,
      .sender = caller.id,
      .speaker = letter.speaker,
      .re = re,
      .sender_name = caller.name,
      .address = caller.address,
      .spoken = caller.dialect,
      .encoded = encoded,
      .stores = message.store,
      .tells_expiry = message.lifetime.has_value(),
      .expires = runner_.now() + message.lifetime.value_or(totals_.settings.lifetime)});
}

bool Names::hand_out(const std::string& key, Mail& mail, const Recipient& to) {
  auto sender = mail.sender;
  sender.postmark =
      std::make_shared<const session::Postmark>(session::Postmark{.name = key,
                                                                  .number = mail.number,
                                                                  .sender = mail.sender.id,
                                                                  .speaker = mail.sender.speaker,
                                                                  .re = mail.sender.re,
                                                                  .sender_name = mail.event.name,
                                                                  .address = mail.address,
                                                                  .spoken = mail.spoken,
                                                                  .encoded = to.dialect,
                                                                  .stores = mail.stores,
                                                                  .tells_expiry = mail.tells_expiry,
                                                                  .expires = mail.self->first});
  // As what comes later: the sender hears `busy` if the receiver's share is full.
  if (!mail.encoded) return outlet_.send(mail.event, to, sender);
  if (mail.encoded_in == to.dialect) return outlet_.send(mail.encoded, to, sender);
  outlet_.or_end(mail.sender.id, [&] {
    refuse_unread({mail.encoded, sender.postmark},
                  {.code = ErrorCode::nobody_there,
                   .message = "Whoever has that name now speaks another dialect than the session "
                              "that did not confirm this message.",
                   .hint = "Send it again."});
  });
  return true;
}

}  // namespace sigway::bus
