#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"

namespace sigway::commands {

/// What every verb can be told about the way to the server.
struct ConnectionFlags {
  std::string url = "http://localhost:8080";
  std::string name;
  std::string transport = "auto";
  std::string ca_file;
  bool insecure = false;
  std::string proxy;
  bool no_proxy = false;
  std::string memory_file;
  bool no_memory = false;
  bool verbose = false;

  void add_to(CLI::App& app);
  /// With room and capacity left to be filled. Throws CLI::ValidationError.
  ClientOptions options() const;
};

/// Reads the arguments. Nothing if they were good, else the exit status: help was wanted (0), or
/// they were not understood, which has been said (2).
std::optional<int> parse(CLI::App& app, const std::vector<std::string>& arguments);

/// A sentence on standard error, after "sigway VERB: ".
void complain(const CLI::App& app, const std::string& sentence);

/// Runs a verb whose arguments have been read, and returns its exit status. What it throws about
/// them, a CLI::Error or a ClientError, becomes a sentence and kMisused.
int run_verb(const CLI::App& app, const std::function<int()>& verb);

/// The handlers that do not depend on the verb: the journal, if it is wanted, and a sentence about
/// the first outage.
ClientHandlers reporting(const CLI::App& app, const ConnectionFlags& flags);

/// What is to be done about a refusal of that code; empty if there is nothing to say.
std::string advice(const std::string& code);

/// Why the client has ended, with the advice for it.
std::string sentence_of(const ClientEnd& end);

/// "5", "500ms", "2m": of seconds, if there is no unit.
std::optional<std::chrono::milliseconds> duration_of(const std::string& text);

}  // namespace sigway::commands
