#pragma once

#include <nlohmann/json.hpp>

namespace sigway::doctor {

/// A balancer's or proxy's own 502, 503 or 504. `one` is what came of a request.
bool is_balancer(const nlohmann::json& one);

/// Something that is not the server answered.
bool is_other(const nlohmann::json& one);

/// What the requests of an examination show: what was lost, repeated, refused, answered by others
/// or from a cache. An array of findings. Pure, as diagnose() (diagnose.h), of which it is a part.
nlohmann::ordered_json findings_of_requests(const nlohmann::json& measurements);

}  // namespace sigway::doctor
