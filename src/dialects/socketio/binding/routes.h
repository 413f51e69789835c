#pragma once

#include <memory>

#include "server/router.h"
#include "socketio_binding/service.h"

namespace sigway::dialects::socketio {

/// Serves `PATH/` of the service's options. The routes share the service.
void add_routes(server::Router& router, const std::shared_ptr<Service>& service);

}  // namespace sigway::dialects::socketio
