#pragma once

#include <span>
#include <string_view>

#include "client_scripts/embedded.h"
#include "http/request.h"
#include "http/response.h"
#include "server/router.h"

/// The Socket.IO clients that pages load from the server. They are files of the npm package
/// socket.io-client, unchanged; MIT, and each carries its notice. Thread: any.
namespace sigway::dialects::socketio {

/// GET and HEAD of `PATH/socket.io.js` and `PATH/socket.io.min.js`, for pages of every origin.
void add_client_scripts(server::Router& router, std::string_view path);

/// The answer to one of those requests, with a script out of `files`. The parameter `v` is the
/// page's version of Socket.IO, of which only the major number counts:
///   4, 3, or no `v`   client 4.8
///   2, 1              client 2.5
///   0                 client 0.9
/// 400 for another `v`; 404 for a script that this program was built without.
http::Response client_script(const http::Request& request,
                             std::span<const client_scripts::EmbeddedFile> files);

}  // namespace sigway::dialects::socketio
