#include "gateway_dialects.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "apprtc/apprtc.h"
#include "apprtc_binding/routes.h"
#include "channel/channel.h"
#include "libdatachannel/libdatachannel.h"
#include "login/login.h"
#include "matchbox/matchbox.h"
#include "native/native.h"
#include "peerjs_binding/routes.h"
#include "plain/routes.h"
#include "raw/raw.h"
#include "socketio_binding/routes.h"
#include "socketio_binding/service.h"
#include "socketio_rooms/rooms.h"
#include "socketio_rtcmulti/rtcmulti.h"
#include "y_webrtc/y_webrtc.h"

namespace sigway {
namespace {

using server::Router;

using dialects::socketio::Application;

/// How a dialect comes to its routes: they are its own, or it is an application
/// on those of Socket.IO.
struct Row {
  const dialects::Dialect& (*dialect)();
  std::string_view segment;  ///< the first of its paths, kept for it also while it is off
  void (*add_routes)(Router& router, binding::Context& context, const DialectOptions& options);
  std::unique_ptr<Application> (*application)(binding::Context& context,
                                              const DialectOptions& options) = nullptr;
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

constexpr std::string_view kSocketIo = "socket.io";

/// RTCMultiConnection's server.
Row rtcmulti_row() {
  namespace rtcmulti = dialects::socketio::rtcmulti;
  return {[]() -> const dialects::Dialect& { return rtcmulti::dialect(); }, kSocketIo, nullptr,
          [](binding::Context& context, const DialectOptions&) -> std::unique_ptr<Application> {
            return std::make_unique<rtcmulti::RtcmultiApplication>(
                context.shared.memory, context.shared.settings.max_room_capacity);
          }};
}

/// The codelab's rooms, for all who speak nothing else.
Row socketio_row() {
  return {
      []() -> const dialects::Dialect& { return dialects::socketio::rooms_dialect(); }, kSocketIo,
      nullptr,
      [](binding::Context&, const DialectOptions& options) -> std::unique_ptr<Application> {
        return std::make_unique<dialects::socketio::RoomsApplication>(options.socketio.addresses);
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

/// The dialects that this server speaks, a row each. The first application that claims a connection
/// serves it.
const auto& rows() {
  static const std::array kRows{
      native_row(),
      plain_row<&dialects::raw::protocol>(),
      plain_row<&dialects::login::protocol>(),
      rtcmulti_row(),
      socketio_row(),
      plain_row<&dialects::channel::protocol>(),
      peerjs_row(),
      plain_row<&dialects::y_webrtc::protocol>(),
      apprtc_row(),
      plain_row<&dialects::libdatachannel::protocol>(),
      plain_row<&dialects::matchbox::protocol>(),
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
  dialects::socketio::Applications applications;
  for (const auto& row : rows()) {
    const auto& dialect = row.dialect();
    router.reserve(std::string(row.segment));
    const bool is_on =
        names.empty() || std::find(names.begin(), names.end(), dialect.name()) != names.end();
    if (!is_on) continue;
    (tally++)->dialect = &dialect;
    if (row.application != nullptr) {
      applications.push_back(row.application(context, options));
    } else {
      row.add_routes(router, context, options);
    }
  }
  if (!applications.empty()) {
    dialects::socketio::add_routes(router, std::make_shared<dialects::socketio::Service>(
                                               context, std::move(applications), options.socketio));
  }
  return std::nullopt;
}

}  // namespace sigway
