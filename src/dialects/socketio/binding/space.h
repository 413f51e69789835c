#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/flow.h"
#include "binding/opening.h"
#include "session/session.h"
#include "session/transit.h"
#include "socketio/application.h"
#include "socketio_binding/service.h"

/// The way from an engine to the session of one namespace, which may live on another shard.
namespace sigway::dialects::socketio {

/// What a client that comes back says of the last event that it has: `PEER.N`. Clients keep it when
/// they begin a new session, so it has to say which one it is of.
struct Offset {
  std::string peer;
  std::uint64_t number = 0;
};

/// A client's connection to one namespace, as its engine knows it. It is one session of the bus.
struct Space {
  std::string name;
  std::uint64_t number = 0;  ///< names it to the engine, and the connection to the session
  session::SessionId session;
  std::string carrier;
  std::string peer;  ///< the session's public id, once it is known
  std::string key;   ///< of the session: the private id (`pid`) of those that can be recovered
  std::unique_ptr<Socket> socket;  ///< none: it is not connected yet
  bool is_told = false;            ///< the client knows that it is connected
  std::shared_ptr<base::Flow> flow;
  std::shared_ptr<session::Transit> transit;  ///< to a session of another shard; else none
  std::string auth;                           ///< what the client sent along, until it is connected
  bool recovers = false;                      ///< the session is one that it had before
  bool recoverable = false;
  // Numbers of events, for those that can be recovered.
  std::uint64_t written = 0;       ///< the last that came here
  std::uint64_t asked = 0;         ///< the last before what the client is to confirm
  std::uint64_t acknowledged = 0;  ///< the last that the session knows to be received
};

/// A namespace's wish to be let in.
struct Entry {
  EngineId engine;
  std::uint64_t number = 0;
  std::string carrier;
  std::shared_ptr<base::Flow> flow;
  binding::Located located;
  std::optional<Offset> seen;  ///< the last event that a recovering client has
  bool recoverable = false;
};

/// What the session's shard says about it.
struct Entered {
  std::string peer;
  std::vector<std::string> rooms;
  std::uint64_t next = 1;  ///< the number of the first event that comes
};

/// Attaches the session's carrier. On the session's shard.
std::variant<Entered, Error> enter_space(Service& service, session::Hub& hub, const Entry& entry);

}  // namespace sigway::dialects::socketio
