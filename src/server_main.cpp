#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "serve.h"

// sigway without its commands (join, send, tail, doctor).
int main(int argc, char** argv) {
  try {
    const std::vector<std::string> arguments{argv + 1, argv + argc};
    if (!arguments.empty() && !arguments.front().starts_with('-')) {
      std::fprintf(stderr,
                   "sigway-server: it has no command '%s', it only serves. With the commands: "
                   "cmake --build --preset release --target sigway\n",
                   arguments.front().c_str());
      return 2;
    }
    return sigway::serve(arguments, {.name = "sigway-server", .commands = {}});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sigway-server: %s\n", error.what());
    return 1;
  }
}
