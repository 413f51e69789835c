#pragma once

#include <string_view>

namespace sigway::ops {

// The version of this build, from the project() line of the root CMakeLists.txt: "0.1.0".
std::string_view version();

}  // namespace sigway::ops
