#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "dialects/native.h"
#include "session/hub.h"
#include "session/stream_carrier.h"

/// What every transport does with a decoded request of `sigway.v1` (docs/protocol.md, "The
/// request"): find whose it is, let it in, attach it, let the rest act. No I/O: the model test
/// drives the same code with fake connections.
namespace sigway::entry {

/// What the server says about itself in every `welcome`. Outlives all requests; constant.
struct ServerInfo {
  std::string id;  ///< this server's, new with each start
  /// The JSON array of ICE servers for a peer; it may hold a credential made for that peer. Any
  /// thread.
  std::function<std::string(const std::string& peer)> ice_servers = [](const std::string&) {
    return "[]";
  };
  std::size_t max_body = 256U << 10U;
};

/// What all requests on all shards go by.
struct Context {
  session::Shared& shared;
  const ServerInfo& server;
  base::ShardIndex (*home_of)(std::string_view room, base::ShardIndex shards);
  std::atomic<bool> draining{false};
};

/// What a request that opens has taken before its session is made: the key and the address's count.
/// Gives both back unless the session is made.
class Opening {
 public:
  Opening(session::Shared& shared, const session::OpenContents& contents)
      : shared_(shared), key_(contents.key), address_(contents.address) {}
  ~Opening();
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  void counted() noexcept { is_counted_ = true; }
  void inserted(session::SessionId id) noexcept { id_ = id; }
  /// The session, or its end, gives them back.
  void made() noexcept {
    is_counted_ = false;
    id_ = {};
  }

 private:
  session::Shared& shared_;
  session::KeyHash key_;
  base::AddressKey address_;
  session::SessionId id_ = {};
  bool is_counted_ = false;
};

/// Whose request it is: which session, on which shard, and whether it may have to be made there.
struct Located {
  session::SessionId id;
  std::optional<session::OpenContents> open;  ///< the request opens
  std::shared_ptr<Opening> opening = {};      ///< of the request that has inserted the key
  session::KeyHash key;
  std::string made_key;  ///< the server made the key just now: a person's session
};

/// Finds the session of a request. On the accepting shard (`here`); any thread. `address` is the
/// client's, for the limit by address. `made_key` (a person's) is given when `open` comes without a
/// key.
std::variant<Located, dialects::Error> locate(Context& context,
                                              const dialects::native::Request& request,
                                              const std::string& address, base::ShardIndex here,
                                              base::TimePoint now);

// What follows runs on the session's shard.

/// The session, made now if the request opens it and it does not exist yet.
std::variant<session::Session*, dialects::Error> enter(session::Hub& hub, const Located& located);

/// The name of the carrier that the request means.
std::string carrier_name(const dialects::native::Request& request);

/// What acts after identity and attach. `attached` says that `turn` has acted already, as part of
/// the attach.
session::Inputs inputs_of(dialects::native::Request& request, bool opening, bool attached);

dialects::native::Welcome welcome(const Context& context, const session::Session& session,
                                  const Located& located, const session::Carrier& carrier,
                                  std::string carrier_name, std::optional<std::uint64_t> next,
                                  base::Duration heartbeat);

/// How a request to attach went: attached, the carrier had been ended by the server, or refused.
struct Attached {
  session::Session* session = nullptr;
  std::optional<dialects::Error> error;  ///< the attach holds, what came with it was refused
};
using AttachResult = std::variant<Attached, session::End, dialects::Error>;

/// A streaming transport's attach.
struct StreamAttach {
  Located located;
  dialects::native::Request request;
  std::uint64_t connection = 0;  ///< names the connection for `Session::detach`
  std::function<std::unique_ptr<session::StreamCarrier>(bool answers)>
      make;  ///< `answers`: its client can be expected to say something
  /// Called when it is let in: writes the head of the stream and the welcome, and returns where
  /// events go.
  std::function<std::unique_ptr<session::StreamSink>(const dialects::native::Welcome&)> accept;
};
AttachResult attach_stream(Context& context, session::Hub& hub, StreamAttach attach);

/// What an upload says back.
std::variant<std::uint64_t, dialects::Error> upload(session::Hub& hub, const Located& located,
                                                    dialects::native::Request request);

}  // namespace sigway::entry
