#include "bus/outlet.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/reserve.h"

namespace sigway::bus {
namespace {

void report(session::Shared& shared, session::Runner& from, const Sender& sender,
            dialects::Error error) {
  auto* const hub = shared.hubs[sender.id.shard];
  // Posted also on the own shard: a refusal is an event to the sender, who may be in the middle of
  // speaking.
  session::post(
      from, sender.id.shard,
      [hub, serial = sender.id.serial, re = sender.re, speaker = sender.speaker,
       error = std::move(error)]() mutable { hub->refuse(serial, re, std::move(error)); });
}

void end_session(session::Shared& shared, session::Runner& from, session::SessionId id) noexcept {
  auto* const hub = shared.hubs[id.shard];
  // Posted also on the own shard: a session does not end within its own call.
  base::try_from_reserve(
      [&] { from.run_on(id.shard, [hub, serial = id.serial] { hub->give_up(serial); }); });
}

/// Whether the sender hears of a recipient that could take no more. Those without an address it did
/// not name and cannot tell apart, and there may be thousands of them: it hears of one.
class Reports {
 public:
  bool wants(std::string_view address) noexcept {
    return !address.empty() || !std::exchange(has_nameless_, true);
  }

 private:
  bool has_nameless_ = false;
};

}  // namespace

/// What they hold on their way.
std::size_t Outlet::cost(const Deliveries& deliveries) noexcept {
  std::size_t sum = 0;
  const dialects::Frame* last = nullptr;
  for (const auto& delivery : deliveries) {
    sum += sizeof delivery + delivery.address.size();
    if (delivery.event.get() != last) sum += delivery.event->size();
    last = delivery.event.get();
  }
  return sum;
}

/// On the hub's shard. Throws nothing.
void Outlet::deliver(session::Hub& hub, base::ShardIndex shard, const Deliveries& deliveries,
                     const Sender& sender) {
  Reports reports;
  // What its home needs of a message to a name is in the postmark.
  const auto spoken = sender.postmark || !sender.id ? session::Spoken{}
                                                    : session::Spoken{sender.speaker, sender.re};
  for (const auto& delivery : deliveries) {
    const auto status =
        hub.deliver(delivery.serial, delivery.event, sender.origin, sender.postmark, spoken);
    if (status == session::SendStatus::absent && sender.postmark) {
      try {
        session::post(hub.runner(), shard_,
                      [this, recipient = session::SessionId{shard, delivery.serial},
                       unread = session::Unread{delivery.event, sender.postmark}] {
                        undelivered_(recipient, unread);
                      });
      } catch (const std::bad_alloc&) {
        end_session(hub.shared(), hub.runner(), sender.id);
      }
      continue;
    }
    const bool is_refused = status == session::SendStatus::busy ||
                            status == session::SendStatus::overloaded ||
                            status == session::SendStatus::draining;
    if (!is_refused || !sender.id || !reports.wants(delivery.address)) continue;
    try {
      report(hub.shared(), hub.runner(), sender, session::not_taken(status, delivery.address));
    } catch (const std::bad_alloc&) {
      // It would take the message for one that has arrived.
      end_session(hub.shared(), hub.runner(), sender.id);
    }
  }
}

bool Outlet::send(const dialects::Event& event, std::span<const Recipient> recipients,
                  const Sender& sender) {
  auto encoded = encoded_.take();
  for (const auto& recipient : recipients) {
    const auto* const dialect = recipient.dialect;
    const auto is_known = std::any_of(encoded->begin(), encoded->end(),
                                      [&](const auto& entry) { return entry.first == dialect; });
    if (!is_known) encoded->emplace_back(dialect, dialect->encode(event));
  }
  return send(*encoded, recipients, sender);
}

bool Outlet::send(const dialects::EncodedEvent& event, const Recipient& recipient,
                  const Sender& sender) {
  auto encoded = encoded_.take();
  encoded->emplace_back(recipient.dialect, event);
  return send(*encoded, std::span(&recipient, 1), sender);
}

bool Outlet::send(const Encoded& encoded, std::span<const Recipient> recipients,
                  const Sender& sender) {
  const auto add_all = [&](base::ShardIndex shard, Deliveries& deliveries) {
    for (const auto& recipient : recipients) {
      if (recipient.id.shard != shard) continue;
      const auto entry = std::find_if(encoded.begin(), encoded.end(), [&](const auto& each) {
        return each.first == recipient.dialect;
      });
      if (entry->second == nullptr) continue;  // its dialect has no word for that
      deliveries.push_back({recipient.id.serial, entry->second, recipient.address});
    }
  };
  bool has_told_all = true;
  const auto shards = static_cast<base::ShardIndex>(shared_.hubs.size());
  for (base::ShardIndex shard = 0; shard < shards; ++shard) {
    try {
      if (shard == shard_) {
        auto deliveries = deliveries_.take();
        add_all(shard, *deliveries);
        deliver(*shared_.hubs[shard], shard, *deliveries, sender);
      } else {
        Deliveries deliveries;
        add_all(shard, deliveries);
        if (!deliveries.empty()) send_to(shard, std::move(deliveries), sender);
      }
    } catch (const std::bad_alloc&) {
      // Delivering throws nothing, so nobody on this shard has been told. Others may have been.
      for (const auto& recipient : recipients) {
        if (recipient.id.shard != shard) continue;
        has_told_all = false;
        end(recipient.id);
      }
    }
  }
  return has_told_all;
}

/// To another shard.
void Outlet::send_to(base::ShardIndex shard, Deliveries deliveries, const Sender& sender) {
  const auto bytes = sender.transit != nullptr ? cost(deliveries) : 0;
  const auto status =
      sender.transit != nullptr ? sender.transit->may_go_on(bytes) : session::SendStatus::sent;
  if (status != session::SendStatus::sent) {
    Reports reports;
    for (const auto& delivery : deliveries) {
      if (reports.wants(delivery.address))
        report(shared_, runner_, sender, session::not_taken(status, delivery.address));
    }
    return;
  }
  at(shard, [this, shard, deliveries = std::move(deliveries), sender,
             parcel = session::Parcel(sender.transit, bytes)](session::Hub& hub) {
    deliver(hub, shard, deliveries, sender);
  });
}

void Outlet::end(session::SessionId id) noexcept {
  if (id.shard == shard_) {
    shared_.hubs[id.shard]->give_up(id.serial);
  } else {
    end_session(shared_, runner_, id);
  }
}

void Outlet::refuse(const Sender& sender, dialects::Error error) {
  at(sender.id.shard, [sender, error = std::move(error)](session::Hub& hub) mutable {
    hub.refuse(sender.id.serial, sender.re, std::move(error));
  });
}

void Outlet::settle(session::SessionId id, session::Settlement settlement) {
  // Never inline: a settled session goes on with its next command, which may come back to the home
  // that is settling.
  auto* const hub = shared_.hubs[id.shard];
  session::post(runner_, id.shard,
                [hub, id, settlement = std::move(settlement)] { hub->settle(id, settlement); });
}

void Outlet::take_unread(session::SessionId id, std::string name,
                         std::function<void(session::UnreadMail)> answer) {
  auto* const hub = shared_.hubs[id.shard];
  session::post(runner_, id.shard,
                [hub, id, name = std::move(name), home = shard_, answer = std::move(answer)] {
                  session::UnreadMail unread;
                  // What is not taken now the session hands over at its end.
                  base::try_from_reserve([&] { unread = hub->take_unread(id.serial, name); });
                  // The home would wait for ever for an answer that is lost.
                  base::try_from_reserve(
                      [&] { hub->runner().run_on(home, [answer, unread] { answer(unread); }); });
                });
}

void Outlet::probe(session::SessionId id, session::Probe how, std::function<void(bool)> answer) {
  const auto shard = shard_;
  auto* const hub = shared_.hubs[id.shard];
  session::post(
      runner_, id.shard, [hub, id, how, home_shard = shard, answer = std::move(answer)]() mutable {
        hub->probe(id.serial, how, [hub, home_shard, answer = std::move(answer)](bool alive) {
          // The home would wait for ever for an answer that is lost. Copied, to be tried again.
          base::try_from_reserve(
              [&] { hub->runner().run_on(home_shard, [answer, alive] { answer(alive); }); });
        });
      });
}

}  // namespace sigway::bus
