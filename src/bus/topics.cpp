#include "bus/topics.h"

#include <new>
#include <utility>
#include <vector>

namespace sigway::bus {

void Topics::subscribe(const session::Caller& caller, const std::string& topic) {
  const auto entry = topics_.try_emplace(topic).first;
  try {
    entry->second.try_emplace(caller.id, caller.dialect);
  } catch (const std::bad_alloc&) {
    if (entry->second.empty()) topics_.erase(entry);
    throw;  // the session ends
  }
}

void Topics::unsubscribe(session::SessionId id, const std::string& topic) noexcept {
  const auto entry = topics_.find(topic);
  if (entry == topics_.end()) return;
  entry->second.erase(id);
  if (entry->second.empty()) topics_.erase(entry);
}

void Topics::publish(const session::Caller& caller, dialects::Publish message, dialects::Re re,
                     session::Transit* transit) {
  const auto entry = topics_.find(message.topic);
  if (entry == topics_.end()) return;
  if (!outlet_.shared().take_published(caller.address, outlet_.now(), entry->second.size())) {
    return outlet_.refuse({caller.id, re},
                          {.code = dialects::ErrorCode::rate_limited,
                           .message = "This topic has many subscribers, and your address says too "
                                      "much to them.",
                           .hint = "Publish more slowly, or to topics with fewer subscribers."});
  }
  std::vector<Recipient> recipients;
  recipients.reserve(entry->second.size());
  for (const auto& [id, dialect] : entry->second) recipients.push_back({id, dialect, {}});
  // The publisher needs nothing but the topic, so it counts as a stranger: whatever it says, it
  // cannot end a subscriber that is slow.
  outlet_.send(dialects::event::Said{.type = std::move(message.type),
                                     .room = std::move(message.topic),
                                     .from = caller.peer,
                                     .name = caller.name,
                                     .data = std::move(message.data),
                                     .receivers = recipients.size()},
               recipients,
               {.id = caller.id,
                .re = re,
                .origin = session::Origin::mail(caller.address),
                .transit = transit});
}

}  // namespace sigway::bus
