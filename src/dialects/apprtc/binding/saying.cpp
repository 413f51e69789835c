#include "apprtc_binding/saying.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "apprtc_binding/channel.h"

namespace sigway::dialects::apprtc {
namespace {

/// A walk over all shards, back to the first one.
struct Round {
  session::Shared& shared;
  base::ShardIndex home;
  std::function<void(session::Hub&)> done;
  std::function<void()> failed;  ///< there was no memory for the next step
};

void walk(const std::shared_ptr<const Round>& round, base::ShardIndex here) {
  const auto& hubs = round->shared.hubs;
  const auto next = static_cast<base::ShardIndex>((here + 1) % hubs.size());
  session::post(hubs[here]->runner(), next, [round, next] {
    try {
      if (next != round->home) return walk(round, next);
      round->done(*round->shared.hubs[next]);
    } catch (const std::bad_alloc&) {
      round->failed();
    }
  });
}

/// A message, and what its client had been told before it.
struct Spoken {
  Spoken(const session::Session& session, const Talk& talk, std::uint64_t last)
      : id(session.id()), told(last), unsent(talk.unsent) {}

  const session::SessionId id;
  const std::uint64_t told;    ///< the last event
  const std::uint64_t unsent;  ///< `Talk::unsent`
};

bool is_unsent(session::Session& session, const Spoken& spoken) {
  const auto* const channel = Channel::find(session);
  if (channel != nullptr && channel->talk().unsent != spoken.unsent) return true;
  const auto& outbox = session.outbox();
  for (auto number = std::max(spoken.told, outbox.acknowledged()); number < outbox.last();) {
    if (note_of(outbox.at(++number)) == Note::unsent) return true;
  }
  return false;
}

/// Receivers may live on any shard, and those of this one too refuse in a later turn: a refusal was
/// on its way back before the walk came by.
void answer_later(session::Hub& hub, const Spoken& spoken, const Saying& saying) {
  const auto abandon = [replies = saying.replies, to = saying.to] { replies->abandon(to); };
  const auto done = [spoken, saying](session::Hub& home) {
    auto* const session = home.find(spoken.id.serial);
    // One that has ended meanwhile has said it, and would say it twice if it were told to repeat
    // it.
    const bool is_known = session != nullptr;
    saying.replies->respond(saying.to,
                            saying.answer({.is_unsent = is_known && is_unsent(*session, spoken)}));
  };
  walk(std::make_shared<const Round>(Round{hub.shared(), spoken.id.shard, done, abandon}),
       spoken.id.shard);
}

}  // namespace

void say_and_answer(session::Hub& hub, session::Session& session, std::string_view text,
                    const Saying& saying) {
  const auto refuse = [&saying](Error error) {
    saying.replies->respond(saying.to, saying.answer({.error = std::move(error)}));
  };
  auto& channel = Channel::of(session, hub);
  const bool has_to_wait = session.awaits_bus();
  if (has_to_wait && !channel.may_wait()) return refuse({.code = ErrorCode::overloaded});
  const Spoken spoken(session, channel.talk(), session.outbox().last());
  if (auto error = say(session, text)) return refuse(*std::move(error));
  if (!has_to_wait) return answer_later(hub, spoken, saying);
  channel.wait({.connection = saying.connection,
                .replies = saying.replies,
                .to = saying.to,
                .placed = [&hub, spoken,
                           saying](Waiting::Events /*events*/) -> std::optional<http::Response> {
                  answer_later(hub, spoken, saying);
                  return std::nullopt;
                },
                .ended = saying.ended});
  session.carriers_changed();
}

}  // namespace sigway::dialects::apprtc
