#pragma once

#include <string_view>

#include "socketio/application.h"

/// Private to the application.
namespace sigway::dialects::socketio::rtcmulti {

inline constexpr std::string_view kDialect = "rtcmulti";

/// Notes about an id that a user has asked for; the id follows, if it is known.
inline constexpr std::string_view kHasId = "has id ";
inline constexpr std::string_view kHasNotId = "has not id ";

/// Clients print it, unless their page has switched that off (`enableLogs`).
void log(EventChain& events, std::string_view sentence);

}  // namespace sigway::dialects::socketio::rtcmulti
