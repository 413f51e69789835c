#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bus/names.h"
#include "gateway_dialects.h"
#include "net/connection_limits.h"
#include "net/listener.h"
#include "ops/config.h"
#include "probe/route.h"
#include "server/access_policy.h"
#include "server/http_server.h"
#include "server/router.h"
#include "session/settings.h"

/// From the one table of settings to what each part wants to know.
namespace sigway::settings_for {

session::Settings sessions(const ops::Config& config);
bus::MailboxSettings mailboxes(const ops::Config& config);
server::AccessOptions access(const ops::Config& config);
server::HttpOptions http(const ops::Config& config);
/// IPv4, of this machine's network interfaces but for loopback.
std::vector<std::string> own_addresses();
DialectOptions dialects(const ops::Config& config);
probe::Options probes(const ops::Config& config);
/// The main port, then those of --listen. Without `tls`.
std::vector<net::ListenOptions> listening(const ops::Config& config);
/// A --listen whose dialect the router has no root for.
std::optional<std::string> check_dialects(const ops::Config& config, const server::Router& router);
/// The addresses that a self-signed certificate is for.
std::vector<std::string> addresses(const ops::Config& config);
/// Raises the descriptor limit as far as it goes and leaves some for what the shards, files and
/// refusals take. Without `exempt`, which is the access policy's.
net::ConnectionLimits::Options connections(const ops::Config& config, std::size_t shards);

}  // namespace sigway::settings_for
