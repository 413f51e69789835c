// bench_load: see options.cpp. Prints one JSON object, or says what went wrong and ends with 1.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "options.h"
#include "scenarios.h"

namespace {

namespace load = sigway::load;

/// As many descriptors as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

load::Figures run(const load::Options& options) {
  if (options.scenario == "idle") return load::run_idle(options);
  if (options.scenario == "pairs") return load::run_pairs(options);
  if (options.scenario == "fan-out") return load::run_fan_out(options);
  if (options.scenario == "open") return load::run_open(options);
  if (options.scenario == "churn") return load::run_churn(options);
  if (options.scenario == "storm") return load::run_storm(options);
  return load::run_rate(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto options = load::read_options(argc, argv);
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
