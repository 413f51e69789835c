#pragma once

#include <string>
#include <string_view>

#include "dialects/json_writer.h"
#include "http/request.h"

namespace sigway::probe {

/// FNV-1a, 32 bits, in hexadecimal: tells whether bytes arrived as they were sent, nothing more.
std::string checksum(std::string_view bytes);

/// Appends what of a request arrived to an object: method, http, length and checksum of the body,
/// and headers by lower-case name. Values are shown only of headers that proxies add or change; of
/// others, which may hold secrets (Cookie, Authorization), the name says that they came through and
/// the value is null.
void describe(const http::Request& request, dialects::JsonWriter& json);

}  // namespace sigway::probe
