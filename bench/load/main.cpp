// bench_load: see options.cpp. Prints one JSON object, or says what went wrong and ends with 1.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "options.h"
#include "scenarios.h"

namespace {

/// As many descriptors as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

sigway::load::Figures run(const sigway::load::Options& options) {
  using namespace sigway::load;
  if (options.scenario == "idle") return run_idle(options);
  if (options.scenario == "pairs") return run_pairs(options);
  if (options.scenario == "fan-out") return run_fan_out(options);
  if (options.scenario == "open") return run_open(options);
  if (options.scenario == "churn") return run_churn(options);
  if (options.scenario == "storm") return run_storm(options);
  return run_rate(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto options = sigway::load::read_options(argc, argv);
    raise_descriptor_limit();
    std::string json;
    for (const auto& [name, value] : run(options)) {
      json += (json.empty() ? "{\"" : ",\"") + name + "\":" + std::to_string(value);
    }
    std::cout << json << "}\n";
    return 0;
  } catch (const CLI::ParseError& error) {
    return CLI::App().exit(error);
  } catch (const std::exception& error) {
    std::cerr << "bench_load: " << error.what() << '\n';
    return 1;
  }
}
