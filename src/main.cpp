#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "commands/command.h"
#include "serve.h"

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments{argv + 1, argv + argc};
    if (const auto status = sigway::commands::run_command(arguments)) return *status;
    return sigway::serve(arguments, {.name = "sigway", .commands = sigway::commands::kHelp});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sigway: %s\n", error.what());
    return 1;
  }
}
