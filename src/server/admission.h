#pragma once

#include <string_view>

#include "http/response.h"
#include "net/listener.h"

namespace sigway::server {

// After how many seconds a client that was not admitted may try again.
inline constexpr std::string_view kAdmissionRetryAfter = "5";

// What a client that was not admitted is told; not for Admission::normal.
inline http::Problem admission_problem(net::Admission admission) {
  if (admission == net::Admission::address_full) {
    return {
        429, "too_many_connections", "There are too many connections from your address.",
        "Close some. --max-connections-per-address sets the limit; clients behind a proxy share "
        "its address unless --trusted-proxy names the proxy."};
  }
  return {503, "overloaded", "The server holds all the connections it can.",
          "Try again in a few seconds."};
}

}  // namespace sigway::server
