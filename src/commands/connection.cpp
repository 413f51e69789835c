#include "commands/connection.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "commands/verbs.h"
#include "ops/parse_value.h"

namespace sigway::commands {

namespace {

// XDG Base Directory Specification; empty where there is no home.
std::string usual_memory_file() {
  const auto variable = [](const char* name) {
    const auto* const value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): no thread yet
    return std::string(value == nullptr ? "" : value);
  };
  auto folder = variable("XDG_CACHE_HOME");
  if (!folder.starts_with('/')) {
    const auto home = variable("HOME");
    if (home.empty()) return {};
    folder = home + "/.cache";
  }
  return folder + "/sigway/networks.json";
}

}  // namespace

void ConnectionFlags::add_to(CLI::App& app) {
  app.add_option("--url", url, "The server")->envname("SIGWAY_URL")->capture_default_str();
  app.add_option("--name", name, "A name to be known by");
  app.add_option("--transport", transport, "auto, websocket, sse or poll")->capture_default_str();
  app.add_option("--ca-file", ca_file, "Trust the certificates in this PEM file, not the system's")
      ->check(CLI::ExistingFile);
  app.add_flag("--insecure", insecure, "Believe any certificate");
  app.add_option("--proxy", proxy,
                 "An HTTP proxy, http://[USER:PASSWORD@]HOST:PORT, instead of what http_proxy, "
                 "https_proxy and no_proxy say");
  app.add_flag("--no-proxy", no_proxy, "No proxy, whatever they say")->excludes("--proxy");
  memory_file = usual_memory_file();
  app.add_option("--memory", memory_file,
                 "Keep what worked on this network in this file, for half an hour")
      ->envname("SIGWAY_MEMORY")
      ->capture_default_str();
  app.add_flag("--no-memory", no_memory, "Remember nothing")->excludes("--memory");
  app.add_flag("--verbose,-v", verbose, "Tell on standard error what was tried and why");
}

ClientOptions ConnectionFlags::options() const {
  ClientOptions options;
  options.url = url;
  options.name = name;
  const auto named = transport_named(transport);
  if (!named)
    throw CLI::ValidationError("--transport",
                               "'" + transport + "' is none; write auto, websocket, sse or poll");
  options.transport = *named;
  options.ca_file = ca_file;
  options.insecure = insecure;
  if (!no_memory) options.memory_file = memory_file;
  if (no_proxy) options.proxy.emplace();
  if (!proxy.empty()) options.proxy = proxy;
  return options;
}

std::optional<int> parse(CLI::App& app, const std::vector<std::string>& arguments) {
  auto reversed = arguments;
  std::reverse(reversed.begin(), reversed.end());  // as CLI11 wants them
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return kSuccess;
  } catch (const CLI::Error& error) {
    complain(app, std::string(error.what()) + "; see " + app.get_name() + " --help");
    return kMisused;
  }
  return std::nullopt;
}

void complain(const CLI::App& app, const std::string& sentence) {
  std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), sentence.c_str());
}

int run_verb(const CLI::App& app, const std::function<int()>& verb) {
  try {
    return verb();
  } catch (const CLI::Error& error) {
    complain(app, error.what());
  } catch (const ClientError& error) {
    complain(app, error.what());
  }
  return kMisused;
}

ClientHandlers reporting(const CLI::App& app, const ConnectionFlags& flags) {
  ClientHandlers handlers;
  handlers.on_journal = [name = app.get_name(), url = flags.url, verbose = flags.verbose,
                         told = false](std::string_view line) mutable {
    if (verbose) {
      std::fprintf(stderr, "%s: %.*s\n", name.c_str(), static_cast<int>(line.size()), line.data());
    } else if (!told && line.starts_with("nothing gets through")) {
      told = true;
      std::fprintf(stderr, "%s: %s: %.*s. Is the server running there? --verbose tells more\n",
                   name.c_str(), url.c_str(), static_cast<int>(line.size()), line.data());
    }
  };
  return handlers;
}

std::string advice(const std::string& code) {
  static const std::map<std::string, std::string> kAdvice{
      {"full", "wait until somebody leaves, or take another room"},
      {"nobody_there",
       "nobody else is in the room: start the other side first, or wait with --wait"},
      {"open_mismatch", "try again"},
      {"origin_refused", "the server's --allow-origin decides that"},
      {"host_refused",
       "ask for the server by the name that it knows, or start it with --allow-host"},
      {"name_taken", "choose another --name"},
      {"unknown_route", "is there a sigway server at --url?"},
      {"bad_capacity", "choose a smaller --capacity"}};
  const auto entry = kAdvice.find(code);
  return entry == kAdvice.end() ? std::string{} : entry->second;
}

std::string sentence_of(const ClientEnd& end) {
  const auto what_to_do = advice(end.code);
  return what_to_do.empty() ? end.message : end.message + ": " + what_to_do;
}

std::optional<std::chrono::milliseconds> duration_of(const std::string& text) {
  return ops::parse_duration(text);
}

}  // namespace sigway::commands
