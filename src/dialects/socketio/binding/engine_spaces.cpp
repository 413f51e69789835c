// The namespaces of an engine: their sessions and their application.

#include <algorithm>
#include <new>
#include <utility>

#include "base/reserve.h"
#include "binding/reach.h"
#include "session/key.h"
#include "socketio_binding/engine.h"

namespace sigway::dialects::socketio {
namespace {

using session::End;

constexpr std::size_t kMostSpaces = 8;
/// Of what was said, on its way to a session of another shard.
constexpr std::size_t kMostInTransit = websocket::Port::kMostBytes;
/// Connecting to a namespace opens a session.
constexpr base::RateLimit kConnectRate{.per_second = 2, .burst = 32};

std::size_t cost_of(const std::vector<Message>& messages, const EncodedEvent& event) noexcept {
  std::size_t bytes = event == nullptr ? 0 : event->size();
  for (const auto& message : messages) bytes += message.cost();
  return bytes;
}

/// Why a client ends whose messages were refused.
End end_for(const Error& error) noexcept {
  return error.code == ErrorCode::rate_limited ? End::rate_limited : End::memory;
}

/// What is done on shard `there` if memory is too short for what the engine wants there.
struct Cut {
  Service& service;
  base::ShardIndex there;
  EngineId engine;
  void operator()() const {
    base::try_from_reserve([this] { service.at(there, engine, [](Engine& at) { at.cut(); }); });
  }
};

}  // namespace

Space* Engine::find(std::string_view name) noexcept {
  const auto space = std::find_if(spaces_.begin(), spaces_.end(),
                                  [&](const auto& each) { return each->name == name; });
  return space == spaces_.end() ? nullptr : space->get();
}

Space* Engine::find(std::uint64_t number) noexcept {
  const auto space = std::find_if(spaces_.begin(), spaces_.end(),
                                  [&](const auto& each) { return each->number == number; });
  return space == spaces_.end() ? nullptr : space->get();
}

void Engine::refuse(std::string_view space, std::string_view message, std::string_view code) {
  send(refused_packet(space, message, code));
}

void Engine::connect(Wish wish) {
  if (closed_) return;
  if (find(wish.space) != nullptr) return count_noise();
  if (!connects_.take(kConnectRate, 1, now())) return close(Leaving::lost, End::rate_limited);
  if (!application_.has_space(wish.space)) return refuse(wish.space, "Invalid namespace", {});
  if (spaces_.size() == kMostSpaces) {
    return refuse(wish.space,
                  "A connection may have " + std::to_string(kMostSpaces) + " namespaces.",
                  "too_many_namespaces");
  }
  auto space = std::make_unique<Space>();
  space->name = std::move(wish.space);
  space->number = binding::next_connection();
  space->carrier = "socketio-" + std::to_string(space->number);
  space->key = std::move(wish.pid);
  space->auth = std::move(wish.auth);
  space->flow = std::make_shared<base::Flow>();
  space->recoverable = wish.recoverable;
  spaces_.push_back(std::move(space));
  enter(*spaces_.back(), std::move(wish.seen));
}

/// A private id is good for its own namespace only, whose name has no line break.
session::KeyHash Engine::key_of(const Space& space) {
  return session::hash_key(space.name + '\n' + space.key);
}

void Engine::enter(Space& space, std::optional<Offset> seen) {
  if (space.key.empty()) return enter_new(space);
  auto& context = service_.context();
  auto found = binding::locate(context, application_.dialect(), key_of(space), now());
  auto* const located = found ? std::get_if<binding::Located>(&*found) : nullptr;
  if (located == nullptr) return enter_new(space);
  space.recovers = true;
  enter(space, std::move(*located), std::move(seen));
}

void Engine::enter_new(Space& space) {
  space.recovers = false;
  space.key = session::make_key();
  place_.reset();  // the session counts in its stead
  auto located = binding::locate_to_open(service_.context(),
                                         {.key = key_of(space),
                                          .room = {},
                                          .name = {},
                                          .capacity = 0,
                                          .replaces = {},
                                          .dialect = &application_.dialect(),
                                          .traits = &traits_,
                                          .address = address_},
                                         id_.shard, now());
  if (const auto* error = std::get_if<Error>(&located)) return not_entered(space.number, *error);
  enter(space, std::get<binding::Located>(std::move(located)), std::nullopt);
}

void Engine::enter(Space& space, binding::Located located, std::optional<Offset> seen) {
  space.session = located.id;
  if (located.id.shard != id_.shard) {
    space.transit =
        std::make_shared<session::Transit>(service_.context().shared.memory, kMostInTransit);
  }
  Entry entry{.engine = id_,
              .number = space.number,
              .carrier = space.carrier,
              .flow = space.flow,
              .located = std::move(located),
              .seen = std::move(seen),
              .recoverable = space.recoverable};
  const auto at = space.session;
  binding::at_session(
      service_.context(), id_.shard, at,
      [&service = service_, at, entry = std::move(entry)](session::Hub& hub) {
        auto result = enter_space(service, hub, entry);
        service.at(at.shard, entry.engine,
                   [number = entry.number, result = std::move(result)](Engine& engine) {
                     if (const auto* error = std::get_if<Error>(&result)) {
                       engine.not_entered(number, *error);
                     } else {
                       engine.entered(number, std::get<Entered>(result));
                     }
                   });
      },
      Cut{service_, at.shard, id_});
}

void Engine::entered(std::uint64_t number, const Entered& entered) {
  auto* const space = find(number);
  if (closed_ || space == nullptr) return;
  place_.reset();
  connect_by_ = base::TimePoint::max();
  space->written = space->asked = space->acknowledged = entered.next - 1;
  space->peer = entered.peer;
  const auto auth = std::exchange(space->auth, {});
  space->socket = application_.connect({.space = space->name,
                                        .auth = auth,
                                        .peer = entered.peer,
                                        .address = address_,
                                        .rooms = entered.rooms,
                                        .recovered = space->recovers,
                                        .query = &query_});
  admit(*space);
  schedule();
  if (closed_ || space->recovers) return;
  act([&](Reaction& reaction) {
    space->socket->connected(reaction);
    react(*space, reaction);
  });
}

void Engine::admit(Space& space) {
  if (space.is_told || space.socket->waits()) return;
  space.is_told = true;
  send(connected_packet(space, space.peer));
}

void Engine::noted(std::uint64_t number, std::string_view note) {
  auto* const space = find(number);
  if (closed_ || space == nullptr || space->socket == nullptr) return;
  act([&](Reaction& reaction) {
    space->socket->noted(note, reaction);
    admit(*space);
    if (!closed_) react(*space, reaction);
  });
}

void Engine::not_entered(std::uint64_t number, const Error& error) {
  auto* const space = find(number);
  if (closed_ || space == nullptr) return;
  // What it wants back has ended a moment ago, or is not its own: as if it had not asked.
  if (space->recovers) return enter_new(*space);
  const auto name = space->name;
  std::erase_if(spaces_, [&](const auto& each) { return each->number == number; });
  if (spaces_.empty()) {
    // What passes is not the client's fault. It gives up when it is refused, and comes back when it
    // is closed.
    const auto status = info(error.code).status;
    if (status == 429 || status == 503) return close(Leaving::lost, End::rate_limited);
    await_connect();
    if (closed_) return;
  }
  refuse(name, error.sentence(), info(error.code).name);
}

void Engine::disconnect(std::string_view name) {
  if (const auto* space = find(name)) return remove(space->number, Leaving::left);
  count_noise();
}

void Engine::remove(std::uint64_t number, Leaving leaving) {
  const auto place = std::find_if(spaces_.begin(), spaces_.end(),
                                  [&](const auto& each) { return each->number == number; });
  if (place == spaces_.end()) return;
  const auto space = std::move(*place);
  spaces_.erase(place);
  if (spaces_.empty() && !closed_) await_connect();
  if (!space->session) return;
  // Nobody can come back to what the client was never told of.
  if (!space->is_told && !space->recovers) leaving = Leaving::left;
  if (leaving == Leaving::lost)
    return binding::detach(service_.context(), id_.shard, space->session, number);
  binding::at_session(service_.context(), id_.shard, space->session,
                      [id = space->session](session::Hub& hub) { hub.end(id.serial, End::left); });
}

void Engine::drain() {
  if (spaces_.empty()) close(Leaving::lost, End::draining);
}

void Engine::await_connect() {
  if (service_.context().draining) return close(Leaving::lost, End::draining);
  connect_by_ = now() + options().connect_timeout;
  schedule();
  if (!place_) place_ = Place::take(service_.context().shared.addresses, address_);
  if (!place_) close(Leaving::lost, End::no_attach);
}

void Engine::emitted(std::string_view name, const Emission& emission) {
  auto* const space = find(name);
  // Its client says what nobody can hear.
  if (space == nullptr || !space->is_told) return close(Leaving::lost, End::left);
  act([&](Reaction& reaction) {
    space->socket->emitted(emission, reaction);
    // Messages are counted by their session.
    if (reaction.messages.empty()) count_noise();
    if (!closed_) react(*space, reaction);
  });
}

template <typename Step>
void Engine::act(Step step) {
  Reaction reaction;
  reaction_ = &reaction;
  try {
    step(reaction);
  } catch (const std::bad_alloc&) {
    if (reaction.receipt) close(Leaving::left, End::memory);
    reaction_ = nullptr;
    throw;
  }
  reaction_ = nullptr;
}

void Engine::react(Space& space, Reaction& reaction) {
  auto event = reaction.events.take();
  if (event == nullptr && reaction.messages.empty()) return;
  const auto bytes = space.transit ? cost_of(reaction.messages, event) : 0;
  // A session of another shard that is reached so slowly takes no more.
  if (space.transit && space.transit->may_set_out(bytes) != session::SendStatus::sent)
    return close(Leaving::lost, End::rate_limited);
  binding::at_session(
      service_.context(), id_.shard, space.session,
      [&service = service_, &application = application_, engine = id_, id = space.session,
       carrier = space.carrier, event = std::move(event), messages = std::move(reaction.messages),
       receipt = reaction.receipt,
       parcel = session::Parcel(space.transit.get(), bytes)](session::Hub& hub) mutable {
        auto* const session = hub.find(id.serial);
        if (session == nullptr) return;  // its engine was told
        if (event != nullptr) session->deliver(std::move(event), 0);
        session::Inputs inputs;
        inputs.carrier = std::move(carrier);
        inputs.messages = std::move(messages);
        const auto error = session->process(std::move(inputs));
        if (error && receipt) return session->end(end_for(*error));
        if (error)
          return service.at(id.shard, engine, [error = *error](Engine& at) { at.overrun(error); });
        if (receipt) application.taken(session->peer(), *receipt);
      },
      Cut{service_, space.session.shard, id_});
  reaction.receipt.reset();  // from here on its session answers for it
}

// -- From sessions

void Engine::ended(std::uint64_t number, End reason) {
  auto* const space = find(number);
  if (closed_ || space == nullptr) return;
  const bool is_last = spaces_.size() == 1;
  if (reason != End::left && (reason != End::moved || is_last)) return close(Leaving::lost, reason);
  // The client goes on with its other namespaces, or connects to one.
  const auto name = std::move(space->name);
  std::erase_if(spaces_, [&](const auto& each) { return each->number == number; });
  if (is_last) await_connect();
  send(disconnected_packet(name));
}

void Engine::overrun(const Error& error) { close(Leaving::lost, end_for(error)); }

}  // namespace sigway::dialects::socketio
