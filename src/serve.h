#pragma once

#include <string>
#include <vector>

namespace sigway {

/// Serves with the settings in `arguments` (without the program's name), the environment and the
/// --config file until a signal ends it. Returns the exit status: 2 if a setting is wrong, 1 if the
/// server cannot start. --help and --version are printed instead. Thread: main, before any other is
/// made.
int serve(const std::vector<std::string>& arguments);

}  // namespace sigway
