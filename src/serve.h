#pragma once

#include <string>
#include <vector>

#include "ops/config.h"

namespace sigway {

/// Serves with the settings in `arguments` (without the program's name), the environment and the
/// --config file until a signal ends it. Returns the exit status: 2 if a setting is wrong, 1 if the
/// server cannot start. --help and --version are printed instead; `program` is for --help. Thread:
/// main, before any other is made.
int serve(const std::vector<std::string>& arguments, const ops::Program& program);

}  // namespace sigway
