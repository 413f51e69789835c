#pragma once

#include <memory>

#include "peerjs_binding/service.h"
#include "server/router.h"

namespace sigway::dialects::peerjs {

/// Serves `PATH` of the service's options and what lies below it. The routes share the service.
void add_routes(server::Router& router, const std::shared_ptr<Service>& service);

}  // namespace sigway::dialects::peerjs
