// bench_floor [PORT]: the bare relay that other servers are compared with; see server.h.
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>

#include "server.h"

int main(int argc, char** argv) {
  try {
    sigway::floor::Server server(static_cast<std::uint16_t>(argc > 1 ? std::stoul(argv[1]) : 0UL));
    std::cout << "listening on " << server.port() << std::endl;
    server.run();
  } catch (const std::exception& error) {
    std::cerr << "bench_floor: " << error.what() << '\n';
    return 1;
  }
}
