#pragma once

#include <memory>

#include "http/exchange.h"
#include "net/connection.h"
#include "net/shard.h"

namespace sigway::server {

// What the server's exchange can do beyond HTTP's: give the connection away. Same rules otherwise.
class Exchange : public http::Exchange {
 public:
  // The connection under the request. Its shard is the current one.
  virtual net::Connection& connection() = 0;

  // Writes `head`, a 101 with its Upgrade and Connection headers (RFC 9110 section 7.8), then hands
  // the connection to `next`, together with the bytes that followed the request. `next` is attached
  // before this returns. on_gone is not called; `next` hears on_closed instead.
  virtual void upgrade(http::Response head, std::unique_ptr<net::ConnectionHandler> next) = 0;
};

}  // namespace sigway::server
