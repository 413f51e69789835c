#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/reserve.h"
#include "binding/context.h"
#include "binding/reach.h"
#include "session/directory.h"
#include "session/ids.h"
#include "socketio/application.h"
#include "socketio_binding/options.h"

namespace sigway::dialects::socketio {

class Engine;
class EngineIo;
struct Handshake;

/// Names an engine from any shard; never used twice.
using EngineId = session::SessionId;

/// Who asks for an engine.
struct Visitor {
  std::string address;
  Query query = {};  ///< of the request
};

/// What a new engine gets.
struct EngineSeat {
  EngineId id;
  std::string sid;  ///< secret; who has it is the client
  session::KeyHash key;
  base::AddressKey address;
  const Application& application;  ///< that all its namespaces belong to
  Query query;
};

/// All clients of Socket.IO: where each one's engine is. Thread: any, but for what says otherwise.
class Service {
 public:
  /// `context` outlives the service. The shards' hubs are known by now.
  Service(binding::Context& context, Applications applications, Options options);
  virtual ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  binding::Context& context() noexcept { return context_; }
  const Options& options() const noexcept { return options_; }
  session::Hub& hub(base::ShardIndex shard) noexcept { return *context_.shared.hubs[shard]; }

  /// The engine of that session id.
  std::optional<EngineId> find(std::string_view sid);

  /// A new engine on shard `here`, the current one, or why there is none. `make` gets its
  /// session id.
  std::variant<std::shared_ptr<Engine>, Error> open(
      base::ShardIndex here, Visitor visitor,
      const std::function<std::shared_ptr<Engine>(const EngineSeat&)>& make);
  /// What answers on Engine.IO, for `open`: Socket.IO.
  virtual std::shared_ptr<EngineIo> make_engine(const EngineSeat& seat, const Handshake& handshake);
  /// It has closed. On its shard.
  void forget(EngineId id, const session::KeyHash& key) noexcept;

  /// Runs `task(engine)` on the engine's shard, at once if it is `here`, the current one; `missing`
  /// there if the engine has closed. If memory is short: here, std::bad_alloc; there, the engine
  /// closes, and `missing` follows.
  template <typename Task, typename Missing>
  void at(base::ShardIndex here, EngineId id, Task task, Missing missing) {
    if (id.shard == here) return run(id, task, missing);
    post(here, id, std::move(task), std::move(missing));
  }
  template <typename Task>
  void at(base::ShardIndex here, EngineId id, Task task) {
    at(here, id, std::move(task), [] {});
  }
  /// The same in a later turn, also if it is `here`.
  template <typename Task, typename Missing>
  void post(base::ShardIndex here, EngineId id, Task task, Missing missing) {
    auto carried = std::make_shared<std::pair<Task, Missing>>(std::move(task), std::move(missing));
    session::post(hub(here).runner(), id.shard, [this, id, carried] {
      try {
        run(id, carried->first, carried->second);
      } catch (const std::bad_alloc&) {
        cut(id);
        base::try_from_reserve([&] { carried->second(); });
      }
    });
  }
  template <typename Task>
  void post(base::ShardIndex here, EngineId id, Task task) {
    post(here, id, std::move(task), [] {});
  }

 private:
  using Engines = std::unordered_map<std::uint64_t, std::shared_ptr<Engine>>;

  std::shared_ptr<Engine> get(EngineId id) const;
  void drain(base::ShardIndex shard);
  void cut(EngineId id) noexcept;
  template <typename Task, typename Missing>
  void run(EngineId id, Task& task, Missing& missing) {
    // Kept alive, though the task may close it.
    if (const auto engine = get(id)) {
      task(*engine);
    } else {
      missing();
    }
  }

  binding::Context& context_;
  const Applications applications_;
  const Options options_;
  session::Directory directory_;
  std::vector<Engines> engines_;  // by shard; each is its shard's
};

}  // namespace sigway::dialects::socketio
