#include "socketio_binding/service.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/address_key.h"
#include "session/key.h"
#include "socketio_binding/engine.h"
#include "socketio_binding/socket_io.h"

namespace sigway::dialects::socketio {

namespace {
constexpr std::size_t kSidBytes = 15;  // 20 characters, as the original's
}

Service::Service(binding::Context& context, Applications applications, Options options)
    : context_(context),
      applications_(std::move(applications)),
      options_(std::move(options)),
      directory_({}, 0),
      engines_(context.shared.hubs.size()) {
  for (base::ShardIndex shard = 0; shard < engines_.size(); ++shard)
    hub(shard).when_draining([this, shard] { drain(shard); });
}

Service::~Service() = default;

std::optional<EngineId> Service::find(std::string_view sid) {
  const auto found = directory_.find(session::hash_key(sid), {});
  if (found.state != session::Directory::State::live) return std::nullopt;
  return found.id;
}

std::variant<std::shared_ptr<Engine>, Error> Service::open(
    base::ShardIndex here, Visitor visitor,
    const std::function<std::shared_ptr<Engine>(const EngineSeat&)>& make) {
  auto& shared = context_.shared;
  if (context_.draining) return Error{.code = ErrorCode::draining};
  if (shared.memory.exceeded()) return Error{.code = ErrorCode::overloaded};
  const auto application =
      std::find_if(applications_.begin(), applications_.end(),
                   [&](const auto& each) { return each->claims(visitor.query); });
  if (application == applications_.end()) {
    return Error{.code = ErrorCode::bad_request,
                 .message = "This server has no application for clients with that query.",
                 .hint = "--dialects names those that it has."};
  }
  if (!(*application)->reads_query()) visitor.query = {};
  const auto from = base::AddressKey::parse(visitor.address);
  auto place = Place::take(shared.addresses, from);
  if (!place) return Error{.code = ErrorCode::too_many_sessions};
  EngineSeat seat{.id = {},
                  .sid = session::make_token(kSidBytes),
                  .key = {},
                  .address = from,
                  .application = **application,
                  .query = std::move(visitor.query)};
  seat.key = session::hash_key(seat.sid);
  seat.id = directory_.find_or_insert(seat.key, here, hub(here).now()).id;
  try {
    auto engine = make(seat);
    engine->hold(std::move(place));
    engines_[here].emplace(seat.id.serial, engine);
    engine->schedule();
    return engine;
  } catch (const std::bad_alloc&) {
    directory_.forget(seat.key, seat.id);
    throw;
  }
}

std::shared_ptr<EngineIo> Service::make_engine(const EngineSeat& seat, const Handshake& handshake) {
  return std::make_shared<SocketIo>(*this, seat, handshake);
}

void Service::forget(EngineId id, const session::KeyHash& key) noexcept {
  directory_.forget(key, id);
  engines_[id.shard].erase(id.serial);
}

std::shared_ptr<Engine> Service::get(EngineId id) const {
  const auto& engines = engines_[id.shard];
  const auto entry = engines.find(id.serial);
  return entry == engines.end() ? nullptr : entry->second;
}

void Service::drain(base::ShardIndex shard) {
  auto& engines = engines_[shard];
  for (auto next = engines.begin(); next != engines.end();) {
    const auto engine = (next++)->second;  // one that closes leaves the table
    engine->drain();
  }
}

void Service::cut(EngineId id) noexcept {
  if (const auto engine = get(id)) engine->cut();
}

}  // namespace sigway::dialects::socketio
