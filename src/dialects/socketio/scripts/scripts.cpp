#include "socketio_scripts/scripts.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "server/conditional.h"

namespace sigway::dialects::socketio {
namespace {

using http::Method;

struct Row {
  std::string_view major;  // of what the page was written for
  std::string_view file;   // in node_modules
};

constexpr std::string_view kClient4 = "socket.io-client-4/dist/socket.io.min.js";
constexpr std::string_view kClient2 = "socket.io-client-2/dist/socket.io.slim.js";
constexpr std::string_view kClient0 = "socket.io-client-0/dist/socket.io.min.js";
constexpr std::array<Row, 5> kRows = {{
    {"4", kClient4},
    {"3", kClient4},
    {"2", kClient2},
    {"1", kClient2},
    {"0", kClient0},
}};

http::Response no_such_version() {
  return http::Response::error(
      400, "bad_request",
      "The parameter v names a version of Socket.IO that there is no script for.",
      "Write v=4 for Socket.IO 3 and 4, v=2 for 1 and 2, or v=0.9; without v it is 4.");
}

http::Response built_without() {
  return http::Response::error(
      404, "unknown_route", "This server was built without the client scripts of Socket.IO.",
      "Load the script from another server, or run scripts/install-client-scripts.sh and build "
      "sigway again.");
}

}  // namespace

http::Response client_script(const http::Request& request,
                             std::span<const client_scripts::EmbeddedFile> files) {
  const std::string version = request.parameter("v").value_or("4");
  const std::string_view major = std::string_view(version).substr(0, version.find('.'));
  const auto* const row =
      std::find_if(kRows.begin(), kRows.end(), [&](const Row& one) { return one.major == major; });
  if (row == kRows.end()) return no_such_version();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const auto& one) { return one.path == row->file; });
  if (file == files.end()) return built_without();
  return server::conditional(request, file->etag, [&] {
    return http::Response(200, file->content_type, base::Bytes::of_static(file->bytes));
  });
}

void add_client_scripts(server::Router& router, std::string_view path) {
  for (const std::string_view name : {"/socket.io.js", "/socket.io.min.js"}) {
    router.add({Method::get, Method::head}, std::string(path).append(name),
               [](server::Exchange& exchange) {
                 exchange.respond(client_script(exchange.request(), client_scripts::files()));
               },
               {.max_body = {}, .access = {.is_harmless = true, .is_public = true}});
  }
}

}  // namespace sigway::dialects::socketio
