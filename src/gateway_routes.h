#pragma once

#include <memory>

#include "binding/context.h"
#include "net/connection_limits.h"
#include "server/router.h"
#include "server/static_pages.h"

namespace sigway {

/// What the routes need; outlives them.
struct RouteParts {
  binding::Context& context;
  std::shared_ptr<const server::StaticPages> pages;
  std::shared_ptr<const net::ConnectionLimits> connections;
};

/// The routes that belong to no dialect: health, metrics, pages.
void add_routes(server::Router& router, const RouteParts& parts);

}  // namespace sigway
