#include "gateway_dialects.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "apprtc/apprtc.h"
#include "apprtc_binding/routes.h"
#include "libdatachannel/libdatachannel.h"
#include "login/login.h"
#include "matchbox/matchbox.h"
#include "native/native.h"
#include "peerjs_binding/routes.h"
#include "plain/routes.h"
#include "raw/raw.h"
#include "socketio_binding/routes.h"
#include "socketio_rooms/rooms.h"
#include "y_webrtc/y_webrtc.h"

namespace sigway {
namespace {

using server::Router;

/// How a dialect comes to its routes.
struct Row {
  const dialects::Dialect& (*dialect)();
  std::string_view segment;  ///< the first of its paths, kept for it also while it is off
  void (*add_routes)(Router& router, binding::Context& context, const DialectOptions& options);
};

template <const dialects::plain::Protocol& (*Protocol)() noexcept>
Row plain_row() {
  return {[]() -> const dialects::Dialect& { return Protocol().dialect(); },
          Protocol().path().substr(1),
          [](Router& router, binding::Context& context, const DialectOptions& options) {
            plain::add_routes(router, context, Protocol(), options.plain);
          }};
}

Row native_row() {
  return {[]() -> const dialects::Dialect& { return dialects::native::dialect(); }, "v1",
          [](Router& router, binding::Context& context, const DialectOptions& options) {
            dialects::native::add_routes(router, context, options.native);
          }};
}

/// Socket.IO with the codelab's rooms.
Row socketio_row() {
  return {[]() -> const dialects::Dialect& { return dialects::socketio::rooms_dialect(); },
          "socket.io",
          [](Router& router, binding::Context& context, const DialectOptions& options) {
            namespace socketio = dialects::socketio;
            auto rooms = std::make_unique<socketio::RoomsApplication>(options.socketio.addresses);
            socketio::add_routes(router, std::make_shared<socketio::Service>(
                                             context, std::move(rooms), options.socketio));
          }};
}

Row peerjs_row() {
  return {[]() -> const dialects::Dialect& { return dialects::peerjs::dialect(); }, "peerjs",
          [](Router& router, binding::Context& context, const DialectOptions& options) {
            namespace peerjs = dialects::peerjs;
            peerjs::add_routes(router, std::make_shared<peerjs::Service>(context, options.peerjs));
          }};
}

Row apprtc_row() {
  return {[]() -> const dialects::Dialect& { return dialects::apprtc::dialect(); }, "apprtc",
          [](Router& router, binding::Context& context, const DialectOptions& options) {
            dialects::apprtc::add_routes(router, context, options.apprtc);
          }};
}

/// The dialects that this server speaks, a row each.
const auto& rows() {
  static const std::array kRows{
      native_row(),
      plain_row<&dialects::raw::protocol>(),
      plain_row<&dialects::login::protocol>(),
      socketio_row(),
      plain_row<&dialects::y_webrtc::protocol>(),
      plain_row<&dialects::libdatachannel::protocol>(),
      plain_row<&dialects::matchbox::protocol>(),
      peerjs_row(),
      apprtc_row(),
  };
  static_assert(kRows.size() < std::tuple_size_v<decltype(session::Shared::tallies)>,
                "each has a tally, beside that of all others");
  return kRows;
}

std::string known_names() {
  std::string names;
  for (const auto& row : rows())
    names.append(names.empty() ? "" : ", ").append(row.dialect().name());
  return names;
}

}  // namespace

std::optional<std::string> add_dialects(Router& router, binding::Context& context,
                                        const DialectOptions& options,
                                        const std::vector<std::string>& names) {
  for (const auto& name : names) {
    const bool is_known = std::any_of(rows().begin(), rows().end(),
                                      [&](const Row& row) { return row.dialect().name() == name; });
    if (!is_known)
      return "--dialects " + name + ": there is no dialect " + name +
             "; there are: " + known_names() + ".";
  }
  auto tally = context.shared.tallies.begin() + 1;
  for (const auto& row : rows()) {
    const auto& dialect = row.dialect();
    router.reserve(std::string(row.segment));
    const bool is_on =
        names.empty() || std::find(names.begin(), names.end(), dialect.name()) != names.end();
    if (!is_on) continue;
    (tally++)->dialect = &dialect;
    row.add_routes(router, context, options);
  }
  return std::nullopt;
}

}  // namespace sigway
