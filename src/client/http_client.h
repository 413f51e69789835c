#pragma once

#include <httplib.h>

#include <memory>
#include <string>

#include "client/endpoint.h"

namespace sigway::client {

/// A connection to the endpoint, through its proxy if it has one, that keeps alive and follows no
/// redirects. Deadlines and trust in certificates are left to the caller.
std::unique_ptr<httplib::Client> make_http_client(const Endpoint& endpoint);

/// Of ASCII letters, as header names and media types are compared.
std::string lower(std::string text);

}  // namespace sigway::client
