#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "binding/opening.h"
#include "dialects/plain.h"
#include "session/stream_carrier.h"
#include "support/world.h"

namespace sigway::testing {

/// What one connection of a plain client has been told.
struct FrameLog {
  std::vector<std::string> frames;     ///< of all events, a text each
  std::vector<std::uint64_t> numbers;  ///< of the events
  int probes = 0;
  int takes_more = 0;  ///< how often the connection was to be read on
  std::optional<session::End> end;
  std::optional<dialects::Error> error;  ///< it was not let in
  std::size_t unsent = 0;                ///< bytes that the kernel has not taken

  std::uint64_t last() const { return numbers.empty() ? 0 : numbers.back(); }
  std::string last_frame() const { return frames.empty() ? "" : frames.back(); }
};

class FrameSink final : public session::StreamSink {
 public:
  explicit FrameSink(std::shared_ptr<FrameLog> log) : log_(std::move(log)) {}

  std::size_t room() override { return SIZE_MAX; }
  std::size_t unsent() override { return log_->unsent; }
  void events(std::uint64_t first, std::span<const dialects::EncodedEvent> events) override {
    for (const auto& event : events) {
      log_->numbers.push_back(first++);
      for (const auto* frame = event.get(); frame != nullptr; frame = frame->more.get())
        log_->frames.push_back(frame->bytes);
    }
  }
  void activated(std::uint64_t, std::uint64_t) override {}
  void standby(std::uint64_t, std::uint64_t) override {}
  void hello(std::uint64_t) override {}
  void heartbeat(std::uint64_t) override {}
  void probe() override { ++log_->probes; }
  void takes_more() override { ++log_->takes_more; }
  void end(session::End reason, base::Duration) override { log_->end = reason; }

 private:
  std::shared_ptr<FrameLog> log_;
};

/// A client of a plain dialect, as its binding would serve it. All that it does runs at once to its
/// end, unless `paused`.
class PlainClient {
 public:
  PlainClient(World& world, const dialects::plain::Protocol& protocol, std::string_view name,
              const dialects::Traits& traits = dialects::plain::kVisitor, base::ShardIndex here = 0)
      : key(std::string(name) + "-0123456789abcdefghijklmnop"),
        traits(&traits),
        here(here),
        world_(world),
        protocol_(protocol) {}

  std::string key;
  const dialects::Traits* traits;
  base::ShardIndex here;  ///< the shard that accepts its connections, if there are so many
  std::string address = "ip";
  std::string room = "r";  ///< what follows the protocol's path
  dialects::plain::Parameters parameters = {};
  bool echo = true;
  bool paused = false;           ///< the world runs only when the test says so
  std::uint64_t connection = 0;  ///< the last one

  /// Connects, and opens the session if there is none. The client has the events up to `seen`.
  std::shared_ptr<FrameLog> attach(std::uint64_t seen = 0) {
    auto log = std::make_shared<FrameLog>();
    const auto located =
        binding::locate_to_open(world_.context, contents(), here % world_.shards(), world_.now());
    if (const auto* error = std::get_if<dialects::Error>(&located)) {
      log->error = *error;
      return log;
    }
    const auto& where = std::get<binding::Located>(located);
    ++connection;
    world_.runner(here % world_.shards())
        .run_on(where.id.shard, [this, where, log, seen, id = connection] {
          log->error = attach(world_.hub(where.id.shard), where, log, seen, id);
        });
    run();
    return log;
  }

  /// One frame. Returns why it was not taken.
  std::optional<dialects::Error> say(std::string text,
                                     dialects::Payload::Kind kind = dialects::Payload::Kind::text) {
    session::Inputs inputs;
    auto here = entrance();
    here.echo = echo;
    protocol_.decode(here, {kind, std::move(text)}, inputs.messages);
    return process(std::move(inputs));
  }

  std::optional<dialects::Error> process(session::Inputs inputs) {
    auto error = session()->process(std::move(inputs));
    run();
    return error;
  }

  /// The connection is cut.
  void cut() {
    if (auto* s = session()) s->detach(connection);
    run();
  }

  /// The kernel has taken all.
  void drain(FrameLog& log) {
    log.unsent = 0;
    session()->drained(carrier_);
    run();
  }

  session::Session* session() {
    const auto found = world_.shared.directory.find(session::hash_key(key), world_.now());
    return found.id ? world_.hub(found.id.shard).find(found.id.serial) : nullptr;
  }
  /// How the session has ended.
  std::optional<session::End> ended() {
    const auto found = world_.shared.directory.find(session::hash_key(key), world_.now());
    if (found.state != session::Directory::State::ended) return std::nullopt;
    return found.reason;
  }

  session::OpenContents contents() const {
    session::OpenContents contents;
    contents.key = session::hash_key(key);
    const auto asked = entrance();
    contents.room = asked.room;
    contents.name = asked.name;
    contents.capacity = asked.capacity;
    contents.series = asked.series;
    contents.dialect = &protocol_.dialect();
    contents.traits = traits;
    contents.address = base::AddressKey::parse(address);
    return contents;
  }

 private:
  void run() {
    if (!paused) world_.run();
  }
  dialects::plain::Entrance entrance() const {
    return std::get<dialects::plain::Entrance>(protocol_.entrance(room, parameters));
  }

  std::optional<dialects::Error> attach(session::Hub& hub, const binding::Located& located,
                                        const std::shared_ptr<FrameLog>& log, std::uint64_t seen,
                                        std::uint64_t id) {
    const auto entered = binding::enter(hub, located);
    if (const auto* error = std::get_if<dialects::Error>(&entered)) return *error;
    auto& session = *std::get<session::Session*>(entered);
    const auto cursor = session.cursor_for(seen);
    if (const auto* error = std::get_if<dialects::Error>(&cursor)) return *error;
    const auto turn = session.turn() + 1;
    carrier_ = "stream" + std::to_string(turn);
    const auto opened = session.open_carrier(carrier_, [] {
      return std::make_unique<session::StreamCarrier>(session::StreamOptions{});
    });
    auto& carrier = dynamic_cast<session::StreamCarrier&>(*std::get<session::Carrier*>(opened));
    // The first one is active by itself: no client of these dialects could activate it.
    if (turn > 1) session.activate_with_attach(carrier, turn);
    carrier.attach(id, std::make_unique<FrameSink>(log), std::get<std::uint64_t>(cursor), {},
                   hub.now());
    session.carriers_changed();
    session.heard();
    return std::nullopt;
  }

  World& world_;
  const dialects::plain::Protocol& protocol_;
  std::string carrier_;
};

/// The wire name of a refusal, or empty.
inline std::string code_of(const std::optional<dialects::Error>& error) {
  return error ? std::string(dialects::info(error->code).name) : std::string();
}

}  // namespace sigway::testing
