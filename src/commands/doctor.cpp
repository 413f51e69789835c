#include <unistd.h>

#include <cstdlib>

#include "client/endpoint.h"
#include "commands/connection.h"
#include "commands/output.h"
#include "commands/verbs.h"
#include "doctor/diagnose.h"
#include "doctor/examine.h"
#include "doctor/words.h"

namespace sigway::commands {
namespace {

constexpr std::chrono::milliseconds kLeastWatch{1000}, kMostWatch{40000};  // the probes' own limit

struct Flags {
  std::string url = "http://localhost:8080";
  std::string watch = "35s";
  std::string ca_file, proxy;
  bool no_proxy = false, json = false, quiet = false;

  void add_to(CLI::App& app) {
    app.add_option("URL", url, "The server")->envname("SIGWAY_URL")->capture_default_str();
    app.add_flag("--json", json, "The report as JSON, with everything that was measured");
    app.add_option("--watch", watch, "How long connections are watched, 1s to 40s")
        ->capture_default_str();
    app.add_flag("--quiet,-q", quiet, "No progress on standard error");
    app.add_option("--ca-file", ca_file,
                   "Trust the certificates in this PEM file, not the system's")
        ->check(CLI::ExistingFile);
    app.add_option("--proxy", proxy,
                   "An HTTP proxy, http://[USER:PASSWORD@]HOST:PORT, instead of what http_proxy, "
                   "https_proxy and no_proxy say");
    app.add_flag("--no-proxy", no_proxy, "No proxy, whatever they say")->excludes("--proxy");
  }

  /// Throws CLI::ValidationError.
  client::Endpoint endpoint() const {
    const auto parsed = client::parse_url(url);
    if (!parsed) throw CLI::ValidationError("URL", "'" + url + "' is no http or https URL");
    client::Endpoint endpoint{.url = *parsed, .proxy = {}, .ca_file = ca_file, .insecure = true};
    auto text = proxy;
    if (text.empty() && !no_proxy) {
      text = client::proxy_of_environment(*parsed, [](const char* name) -> std::string {
        // Before any other thread is there. NOLINTNEXTLINE(concurrency-mt-unsafe)
        const char* const value = std::getenv(name);
        return value == nullptr ? "" : value;
      });
    }
    if (!text.empty()) {
      endpoint.proxy = client::parse_proxy(text);
      if (!endpoint.proxy)
        throw CLI::ValidationError("--proxy", "'" + text + "' is no proxy; write http://HOST:PORT");
    }
    return endpoint;
  }

  /// Throws CLI::ValidationError.
  sigway::doctor::Times times() const {
    const auto time = duration_of(watch);
    if (!time || *time < kLeastWatch || *time > kMostWatch)
      throw CLI::ValidationError("--watch", "'" + watch + "' is not a time from 1s to 40s");
    sigway::doctor::Times times;
    times.watch = *time;
    return times;
  }
};

}  // namespace

int doctor(const std::vector<std::string>& arguments) {
  CLI::App app(
      "Says what the network between here and a sigway server lets through, what sigway will use, "
      "and what an administrator can do about the rest.\nTakes less than a minute. Exit status 0 "
      "if some transport works, 1 if none does.",
      "sigway doctor");
  Flags flags;
  flags.add_to(app);
  if (const auto status = parse(app, arguments)) return *status;
  try {
    const auto endpoint = flags.endpoint();
    const auto measurements = sigway::doctor::examine(
        endpoint, flags.times(), [&flags](const std::string& step, bool ended) {
          if (!flags.quiet)
            std::fprintf(stderr, "%s %s\n", ended ? "done " : "...  ", step.c_str());
        });
    const auto diagnosis = sigway::doctor::diagnose(measurements);
    if (flags.json) {
      auto report = diagnosis.to_json();
      report["measurements"] = measurements;
      // What a proxy says of itself need not be UTF-8.
      print_line(report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else {
      if (!flags.quiet) std::fputs("\n", stderr);
      std::fputs(sigway::doctor::as_text(measurements, diagnosis).c_str(), stdout);
    }
    return diagnosis.transport().empty() ? kFailure : kSuccess;
  } catch (const CLI::Error& error) {
    complain(app, error.what());
    return kMisused;
  }
}

}  // namespace sigway::commands
