#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "binding/attach.h"
#include "binding/context.h"
#include "native/native.h"

/// What every transport does with a decoded request of `sigway.v1` (docs/protocol.md, "The
/// request"): find whose it is, let it in, attach it, let the rest act. No I/O: the model test
/// drives the same code with fake connections.
namespace sigway::dialects::native {

/// Whose request it is.
struct Located : binding::Located {
  std::string made_key = {};  ///< the server made the key just now: a person's session
};

/// Finds the session of a request. On the accepting shard, `here`. `address` is the client's, for
/// the limit by address; only a request with `open` needs it. `made_key` (a person's) is given when
/// `open` comes without a key. `memo`: of a connection that brings request after request.
std::variant<Located, Error> locate(binding::Context& context, const Request& request,
                                    std::string_view address, base::ShardIndex here,
                                    base::TimePoint now, base::DigestMemo* memo = nullptr);

// What follows runs on the session's shard.

/// The session, made now if the request opens it and it does not exist yet.
std::variant<session::Session*, Error> enter(session::Hub& hub, const Located& located);

/// The name of the carrier that the request means.
std::string carrier_name(const Request& request);

/// What acts after identity.
session::Inputs inputs_of(Request& request, bool opening);

Welcome welcome(const binding::Context& context, const session::Session& session,
                const Located& located, const session::Carrier& carrier, std::string carrier_name,
                std::optional<std::uint64_t> next, base::Duration heartbeat);

/// A streaming transport's attach.
struct StreamAttach {
  Located located;
  Request request;
  std::uint64_t connection = 0;  ///< names the connection for `Session::detach`
  std::function<std::unique_ptr<session::StreamCarrier>(const session::Session&)> make;
  /// Called when it is let in: writes the head of the stream and the welcome, and returns where
  /// events go.
  std::function<std::unique_ptr<session::StreamSink>(const Welcome&, const session::Session&)>
      accept;
};
binding::AttachResult attach_stream(binding::Context& context, session::Hub& hub,
                                    StreamAttach attach);

/// The control by which a carrier ends. Where the server shuts down it says as well which messages
/// were not taken.
std::string goodbye(session::End reason, base::Duration retry, const session::Session& session);

/// What an upload says back.
std::variant<std::uint64_t, Error> upload(session::Hub& hub, const Located& located,
                                          Request&& request);

}  // namespace sigway::dialects::native
