#pragma once

#include <memory>
#include <utility>

#include "binding/context.h"
#include "peerjs_binding/listing.h"
#include "peerjs_binding/options.h"

namespace sigway::dialects::peerjs {

/// What all clients of PeerJS share. Constant but for the listing; thread: any.
struct Service {
  /// `all` outlives the service. The shards' hubs are known by now.
  Service(binding::Context& all, Options with)
      : context(all), options(std::move(with)), listing(all.shared.hubs.size()) {}

  binding::Context& context;
  const Options options;
  Listing listing;  ///< empty unless `options.lists_peers`
};

}  // namespace sigway::dialects::peerjs
