#pragma once

#include <memory>

#include "net/stream.h"

struct ssl_ctx_st;

namespace sigway::net {

// The server's side of TLS over a connected, non-blocking socket, which it takes. Null when OpenSSL
// has no memory; the socket is the caller's then.
std::unique_ptr<Stream> make_tls_stream(ssl_ctx_st* context, int descriptor);

}  // namespace sigway::net
