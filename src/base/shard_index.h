#pragma once

#include <cstdint>

namespace sigway::base {

// Which event loop (one thread a core) something lives on. Counted from zero.
using ShardIndex = std::uint32_t;

}  // namespace sigway::base
