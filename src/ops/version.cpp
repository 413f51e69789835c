#include "ops/version.h"

namespace sigway::ops {

std::string_view version() { return SIGWAY_VERSION; }

}  // namespace sigway::ops
