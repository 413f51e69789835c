#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "member.h"

namespace sigway::load {

struct Options {
  Target target = Target::native;
  Transport transport = Transport::websocket;
  std::string scenario = "pairs";
  std::uint16_t port = 0;
  std::vector<pid_t> processes;  ///< of the server: whose CPU time and memory are counted
  std::uint32_t rooms = 1000;
  std::uint32_t members = 2;  ///< of a room
  std::size_t bytes = 1200;   ///< of a message's payload
  double seconds = 2;
  double warm_up = 0.5;
  double settle = 0.3;       ///< after this time nothing is on its way that nobody waits for
  double rate = 2000;        ///< messages a second
  double switch_rate = 200;  ///< changes of the transport a second
};

/// Throws CLI::ParseError.
Options read_options(int argc, const char* const* argv);

}  // namespace sigway::load
