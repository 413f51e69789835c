#pragma once

#include <string_view>
#include <variant>

#include "binding/answers.h"
#include "binding/reach.h"
#include "http/exchange.h"
#include "http/request.h"
#include "http/response.h"
#include "native/native.h"
#include "native_binding/entry.h"

/// The HTTP side that all native routes have in common: bodies, queries, uploads.
namespace sigway::dialects::native {

/// The request in a POST body, or the refusal to answer with (415, 400).
std::variant<Request, http::Response> read_body(const http::Request& request);

/// A person's request to open, from the query of a GET (`room`, `name`, `capacity`), or the refusal
/// to answer with.
std::variant<Request, http::Response> read_query(const http::Request& request);

/// The client's address if the request needs it (`locate`), else nothing. Not for longer than the
/// exchange.
std::string_view address_for(const Request& request, const http::Exchange& exchange);

/// `/v1/send`.
void send(binding::Context& context, http::Exchange& exchange);

}  // namespace sigway::dialects::native
