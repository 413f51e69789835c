#include "binding/opening.h"

#include <utility>

namespace sigway::binding {

using dialects::Error;
using dialects::ErrorCode;
using session::Directory;
using session::Hub;
using session::Session;

Opening::~Opening() {
  if (id_) shared_.directory.forget_unmade(key_, id_);
  if (is_counted_) shared_.addresses.subtract(address_);
}

LocateResult locate_to_open(Context& context, session::OpenContents contents, base::ShardIndex here,
                            base::TimePoint now) {
  if (context.draining) return Error{.code = ErrorCode::draining};
  auto& shared = context.shared;
  Located located;
  const auto shards = static_cast<base::ShardIndex>(shared.hubs.size());
  const auto home = contents.room.empty() ? here : context.home_of(contents.room, shards);
  auto found = shared.directory.find(contents.key, now);
  if (found.state == Directory::State::unknown) {
    if (shared.memory.exceeded()) return Error{.code = ErrorCode::overloaded};
    if (!contents.room.empty()) {
      if (auto error = shared.take_join(contents.room, contents.series, contents.address, now))
        return *std::move(error);
    }
    auto opening = std::make_shared<Opening>(shared, contents);
    if (!shared.addresses.try_add(contents.address))
      return Error{.code = ErrorCode::too_many_sessions};
    opening->counted();
    found = shared.directory.find_or_insert(contents.key, home, now);
    // Else another request was faster.
    if (found.inserted) {
      opening->inserted(found.id);
      contents.counted = true;
      located.opening = std::move(opening);
    }
  }
  if (found.state == Directory::State::ended) return session::gone(found.reason);
  located.id = found.id;
  located.key = contents.key;
  located.dialect = contents.dialect;
  located.open = std::move(contents);
  return located;
}

std::optional<LocateResult> locate(Context& context, const dialects::Dialect& dialect,
                                   const session::KeyHash& key, base::TimePoint now) {
  const auto found = context.shared.directory.find(key, now);
  switch (found.state) {
    case Directory::State::live: return Located{.id = found.id, .key = key, .dialect = &dialect};
    case Directory::State::ended: return session::gone(found.reason);
    case Directory::State::unknown: break;
  }
  return std::nullopt;
}

namespace {

Error gone(Hub& hub, const session::KeyHash& key) {
  return session::gone(hub.shared().directory.find(key, hub.now()).reason);
}

}  // namespace

std::variant<Session*, Error> enter(Hub& hub, const Located& located) {
  if (located.open) {
    auto opened = hub.open(located.id, *located.open);
    if (located.opening) located.opening->made();
    if (auto* const* session = std::get_if<Session*>(&opened); session != nullptr) {
      if ((*session)->ended()) return gone(hub, located.key);
    }
    return opened;
  }
  auto* session = hub.find(located.id.serial);
  if (session == nullptr) {
    // Looked up a moment ago and not here: it has ended since, or its opening request is still on
    // the way to this shard and this one has overtaken it.
    if (hub.shared().directory.is_live(located.key, located.id))
      return Error{.code = ErrorCode::unknown_key};
    return gone(hub, located.key);
  }
  if (session->contents().dialect != located.dialect) return Error{.code = ErrorCode::unknown_key};
  return session;
}

}  // namespace sigway::binding
