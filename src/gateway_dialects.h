#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apprtc_binding/options.h"
#include "binding/context.h"
#include "native_binding/routes.h"
#include "peerjs_binding/options.h"
#include "plain/options.h"
#include "server/router.h"
#include "socketio_binding/options.h"

namespace sigway {

/// What the dialects' routes need; outlives them.
struct DialectOptions {
  dialects::native::Options native;
  plain::Options plain;
  dialects::socketio::Options socketio;
  dialects::peerjs::Options peerjs;
  dialects::apprtc::Options apprtc;
};

/// Adds the routes of the dialects with those names, of all if none is named, and counts their
/// sessions from now on. The error is a sentence. Before the server starts.
std::optional<std::string> add_dialects(server::Router& router, binding::Context& context,
                                        const DialectOptions& options,
                                        const std::vector<std::string>& names);

}  // namespace sigway
