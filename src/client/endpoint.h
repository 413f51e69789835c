#pragma once

#include <optional>
#include <string>

#include "client/url.h"

namespace sigway::client {

/// Where the server is and how it is reached.
struct Endpoint {
  Url url;
  std::optional<Proxy> proxy{};
  std::string ca_file{};
  bool insecure = false;
};

}  // namespace sigway::client
