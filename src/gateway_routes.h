#pragma once

#include <memory>

#include "entry/entry.h"
#include "net/connection_limits.h"
#include "server/router.h"
#include "server/static_pages.h"
#include "sse/route.h"
#include "websocket/route.h"

namespace sigway {

struct RouteOptions {
  websocket::Options websocket;
  sse::Options sse;
};

/// What the routes need; outlives them.
struct RouteParts {
  entry::Context& context;
  const RouteOptions& options;
  std::shared_ptr<const server::StaticPages> pages;
  std::shared_ptr<const net::ConnectionLimits> connections;
};

/// The routes of docs/protocol.md, "Routes".
void add_routes(server::Router& router, const RouteParts& parts);

}  // namespace sigway
