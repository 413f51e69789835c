#include "peerjs_binding/listing.h"

#include <new>
#include <utility>

#include "binding/answers.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::peerjs {

/// One request on its way from shard to shard.
struct Listing::Gathering {
  Gathering(std::atomic<int>& among, binding::Context& all, http::Exchange& exchange)
      : requests(among), context(all), replies(exchange.replies()), id(exchange.id()) {
    ++requests;
  }
  ~Gathering() { --requests; }
  Gathering(const Gathering&) = delete;
  Gathering& operator=(const Gathering&) = delete;

  std::atomic<int>& requests;
  binding::Context& context;
  http::Replies& replies;
  const http::ExchangeId id;
  std::string json = "[";
};

void Listing::answer(binding::Context& context, http::Exchange& exchange) {
  const auto gathering = std::make_shared<Gathering>(requests_, context, exchange);
  if (requests_ > kMostRequests)
    return exchange.respond(binding::refusal({.code = ErrorCode::overloaded}));
  gather(gathering, gathering->id.shard);
}

void Listing::gather(const std::shared_ptr<Gathering>& gathering, base::ShardIndex shard) const {
  auto& json = gathering->json;
  const std::string* last = nullptr;
  for (const auto& id : ids_[shard]) {
    if (json.size() + id.size() > kMostBytes) break;
    if (last != nullptr && id == *last) continue;
    if (json.size() > 1) json += ',';
    append_json_string(json, id);
    last = &id;
  }
  const auto next = static_cast<base::ShardIndex>((shard + 1U) % ids_.size());
  if (next != gathering->id.shard) {
    auto& runner = gathering->context.shared.hubs[shard]->runner();
    session::post(runner, next, [this, gathering, next] {
      try {
        gather(gathering, next);
      } catch (const std::bad_alloc&) {
        gathering->replies.abandon(gathering->id);
      }
    });
    return;
  }
  json += ']';
  gathering->replies.respond(gathering->id, binding::answer(base::Bytes(std::move(json))));
}

}  // namespace sigway::dialects::peerjs
