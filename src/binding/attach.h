#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <variant>

#include "binding/opening.h"
#include "session/stream_carrier.h"

namespace sigway::binding {

/// A connection that was let in, as far as its dialect says so to the client.
struct Welcomed {
  session::Session& session;
  const session::Carrier& carrier;
  std::uint64_t next;  ///< the number of the first event that it will get
};

/// How a request to attach went: attached, the carrier had been ended by the server, or refused.
struct Attached {
  session::Session* session = nullptr;
  std::optional<dialects::Error> error = {};  ///< the attach holds, what came with it was refused
};
using AttachResult = std::variant<Attached, session::End, dialects::Error>;

/// A streaming transport's attach.
struct StreamAttach {
  Located located;
  /// What came with it. Its `ack` is where the stream starts, its `turn` activates.
  session::Inputs inputs;
  std::uint64_t connection = 0;  ///< names the connection for `Session::detach`
  base::Duration heartbeat{};
  /// Makes the carrier if it is new.
  std::function<std::unique_ptr<session::StreamCarrier>(const session::Session&)> make;
  /// Called when it is let in: writes what opens the stream, and returns where events go.
  std::function<std::unique_ptr<session::StreamSink>(const Welcomed&)> accept;
};

/// Lets the connection in and attaches it. On the session's shard.
AttachResult attach_stream(session::Hub& hub, StreamAttach attach);

}  // namespace sigway::binding
