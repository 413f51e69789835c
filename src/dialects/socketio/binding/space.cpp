#include "socketio_binding/space.h"

#include <new>
#include <utility>

#include "base/reserve.h"
#include "session/stream_carrier.h"
#include "socketio_binding/engine.h"

namespace sigway::dialects::socketio {
namespace {

/// A session's events on their way to its engine.
class SpaceSink final : public session::StreamSink {
 public:
  SpaceSink(Service& service, base::ShardIndex here, const Entry& entry)
      : service_(service),
        here_(here),
        engine_(entry.engine),
        number_(entry.number),
        flow_(entry.flow) {}

  std::size_t room() override { return flow_->room(); }
  std::size_t unsent() override { return flow_->unsent(); }

  void events(std::uint64_t first, std::span<const EncodedEvent> events) override {
    std::size_t bytes = 0;
    for (const auto& event : events) bytes += event->size();
    flow_->set_out(bytes);
    if (here_ == engine_.shard) {
      service_.at(here_, engine_,
                  [&](Engine& engine) { engine.events(number_, first, events, bytes); });
      return;
    }
    service_.at(here_, engine_,
                [number = number_, first, bytes,
                 carried = std::vector<EncodedEvent>(events.begin(), events.end())](
                    Engine& engine) { engine.events(number, first, carried, bytes); });
  }
  void activated(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void standby(std::uint64_t /*turn*/, std::uint64_t /*next*/) override {}
  void hello(std::uint64_t /*which*/) override {}
  void heartbeat(std::uint64_t /*next*/) override {}
  // An engine may close when it hears this, which calls the session: never from within its call.
  void probe() override {
    service_.post(here_, engine_, [](Engine& engine) { engine.probe(); });
  }
  void end(session::End reason, base::Duration /*retry*/) override {
    base::try_from_reserve([&] {
      service_.post(here_, engine_,
                    [number = number_, reason](Engine& engine) { engine.ended(number, reason); });
    });
  }

 private:
  Service& service_;
  const base::ShardIndex here_;
  const EngineId engine_;
  const std::uint64_t number_;
  const std::shared_ptr<base::Flow> flow_;
};

}  // namespace

std::variant<Entered, Error> enter_space(Service& service, session::Hub& hub, const Entry& entry) {
  const auto entered = binding::enter(hub, entry.located);
  if (const auto* error = std::get_if<Error>(&entered)) return *error;
  auto& session = *std::get<session::Session*>(entered);
  std::optional<std::uint64_t> seen;
  if (entry.seen && entry.seen->peer == session.peer()) seen = entry.seen->number;
  const auto cursor = session.cursor_for(seen);
  if (const auto* error = std::get_if<Error>(&cursor)) return *error;
  const auto start = std::get<std::uint64_t>(cursor);
  const auto opened = session.open_carrier(entry.carrier, [] {
    return std::make_unique<session::StreamCarrier>(
        session::StreamOptions{});  // the engine's pings
  });
  if (const auto* error = std::get_if<Error>(&opened)) return *error;
  const auto* const made = std::get_if<session::Carrier*>(&opened);
  auto* const carrier = made == nullptr ? nullptr : dynamic_cast<session::StreamCarrier*>(*made);
  if (carrier == nullptr) return Error{.code = ErrorCode::carrier_mismatch};
  // A connection that this one recovers ends here, if it has not ended yet.
  session.activate_with_attach(*carrier, session.turn() + 1);
  carrier->attach(entry.number, std::make_unique<SpaceSink>(service, session.id().shard, entry),
                  start, {}, hub.now());
  session.carriers_changed();
  if (entry.recoverable) {
    // From now on what is sent waits for its acknowledgement.
    session::Inputs inputs;
    inputs.ack = start;
    inputs.opening = true;
    if (auto error = session.process(std::move(inputs))) return *std::move(error);
  }
  return Entered{session.peer(), session.rooms(), start + 1};
}

}  // namespace sigway::dialects::socketio
