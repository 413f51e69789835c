#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "client/endpoint.h"

namespace sigway::doctor {

/// The server's certificate as it is seen from here, which may be a proxy's that opens TLS:
/// {"issuer","subject","until","protocol","problem"}, `problem` being empty if it is trusted (by
/// the system's certificates, or the endpoint's CA file) and is for that host. Null if there is no
/// TLS to be had; that the server cannot be reached is said elsewhere.
nlohmann::json look_at_certificate(const client::Endpoint& endpoint);

/// The finding about it: `certificate` or `certificate-unknown`.
std::optional<nlohmann::ordered_json> finding_of_certificate(const nlohmann::json& certificate);

}  // namespace sigway::doctor
