#include "options.h"

#include <CLI/CLI.hpp>
#include <map>

namespace sigway::load {

Options read_options(int argc, const char* const* argv) {
  Options options;
  CLI::App app{"Load for a signaling server on 127.0.0.1, and what it has cost, as JSON"};
  const std::map<std::string, Target> targets{
      {"native", Target::native},     {"floor", Target::floor},   {"ws", Target::ws},
      {"nchan", Target::nchan},       {"peerjs", Target::peerjs}, {"sockjs", Target::sockjs},
      {"socketio", Target::socketio},
  };
  const std::map<std::string, Transport> transports{
      {"websocket", Transport::websocket}, {"sse", Transport::sse}, {"poll", Transport::poll}};
  app.add_option("--target", options.target, "What the server speaks")
      ->transform(CLI::CheckedTransformer(targets));
  app.add_option("--transport", options.transport, "How messages travel")
      ->transform(CLI::CheckedTransformer(transports));
  app.add_option("--scenario", options.scenario, "What the clients do")
      ->check(
          CLI::IsMember({"idle", "pairs", "rate", "fan-out", "open", "churn", "storm", "switch"}));
  app.add_option("--port", options.port, "Of the server")->required();
  app.add_option("--pid", options.processes, "Process of the server, repeatable");
  app.add_option("--rooms", options.rooms)->check(CLI::Range(1, 100'000));
  app.add_option("--members", options.members, "Of a room")->check(CLI::Range(2, 64));
  app.add_option("--bytes", options.bytes, "Of a message's payload");
  app.add_option("--seconds", options.seconds, "How long is measured");
  app.add_option("--warm-up", options.warm_up, "Seconds of the same before");
  app.add_option("--settle", options.settle, "Seconds of silence after the opening");
  app.add_option("--rate", options.rate, "Messages a second, where the scenario has a rate");
  app.add_option("--switch-rate", options.switch_rate, "Changes of the transport a second");
  app.parse(argc, argv);
  return options;
}

}  // namespace sigway::load
