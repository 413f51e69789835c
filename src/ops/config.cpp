#include "ops/config.h"

#include <spdlog/fmt/fmt.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "ops/help.h"
#include "ops/parse_value.h"
#include "ops/settings.h"
#include "ops/version.h"

namespace sigway::ops {
namespace {

// What one source says: the texts of each setting that it mentions.
struct Given {
  std::map<std::string, std::vector<std::string>, std::less<>> values;
};

std::string flag_name(const Setting& setting) { return fmt::format("--{}", setting.name); }

// --- The command line ---------------------------------------------------------------------------

std::variant<Given, ConfigText, ConfigError> read_flags(std::vector<std::string> arguments,
                                                        const Program& program) {
  CLI::App app;
  app.set_help_flag();  // ours is below: CLI11's own would exit by exception, with its own layout
  bool help = false;
  bool show_version = false;
  app.add_flag("--help,-h", help);
  app.add_flag("--version,-V", show_version);

  Given given;
  for (const auto& group : setting_groups()) {
    for (const auto& setting : group.settings) {
      auto& values = given.values[std::string{setting.name}];
      auto* const option = app.add_option(flag_name(setting), values);
      option->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
      if (setting.field.shape == SettingShape::flag) option->expected(0, 1)->default_str("yes");
    }
  }

  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::ExtrasError&) {
    return ConfigError{
        fmt::format("{} is not a setting; --help lists them", app.remaining().front())};
  } catch (const CLI::Error& error) {
    return ConfigError{fmt::format("{}; see --help", error.what())};
  }
  if (help) return ConfigText{help_text(program)};
  if (show_version) return ConfigText{fmt::format("sigway {}\n", version())};

  for (auto entry = given.values.begin(); entry != given.values.end();) {
    const auto count = app.count("--" + entry->first);
    entry = count == 0 ? given.values.erase(entry) : std::next(entry);
  }
  return given;
}

// --- The environment ----------------------------------------------------------------------------

Given read_environment(const Environment& environment) {
  Given given;
  for (const auto& group : setting_groups()) {
    for (const auto& setting : group.settings) {
      // An empty variable counts as absent: `SIGWAY_PORT= sigway` and unset entries of a
      // container's environment file mean the default.
      auto value = environment(setting.environment_name());
      if (value && !value->empty()) given.values[std::string{setting.name}] = {std::move(*value)};
    }
  }
  return given;
}

// --- The configuration file ---------------------------------------------------------------------

// One `name = value` a line; the value is the rest of the line, so that a JSON object needs no
// quoting. A line whose first character is # is a comment. A list may repeat its name.
std::variant<Given, ConfigError> read_file(const std::string& path) {
  std::ifstream in(path);
  std::error_code error;
  if (!in || std::filesystem::is_directory(path, error)) {  // which opens, but cannot be read
    return ConfigError{fmt::format("config: cannot read the file '{}'", path)};
  }

  Given given;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const auto statement = trim(line);
    if (statement.empty() || statement.front() == '#') continue;
    const auto equals = statement.find('=');
    const auto name = trim(statement.substr(0, equals));
    const auto* const setting = find_setting(name);
    const auto fail = [&](const std::string& what) {
      return ConfigError{fmt::format("{}:{}: {}", path, number, what)};
    };
    if (setting == nullptr) {
      return fail(fmt::format("'{}' is not a setting; --help lists them", name));
    }
    if (equals == std::string_view::npos) return fail(fmt::format("write '{} = VALUE'", name));
    if (name == "config") return fail("a file cannot name another with 'config'");

    auto& values = given.values[std::string{name}];
    if (!values.empty() && setting->field.shape != SettingShape::list) {
      return fail(fmt::format("'{}' is there twice", name));
    }
    values.emplace_back(trim(statement.substr(equals + 1)));
  }
  return given;
}

// --- Putting them together ----------------------------------------------------------------------

enum class Source { flags, environment, file, built_in };

std::string name_in(Source source, const Setting& setting, const std::string& path) {
  switch (source) {
    case Source::flags: return flag_name(setting);
    case Source::environment: return setting.environment_name();
    case Source::file: return fmt::format("{}: {}", path, setting.name);
    case Source::built_in: break;
  }
  return std::string{setting.name};
}

std::optional<ConfigError> store(const Setting& setting, std::vector<std::string> values,
                                 const std::string& shown_name, Config& config) {
  if (setting.field.shape == SettingShape::list) {
    std::vector<std::string> parts;
    for (const auto& value : values) {
      for (auto& part : split_list(value)) parts.push_back(std::move(part));
    }
    values = std::move(parts);
  } else {
    values = {std::move(values.back())};
  }
  const auto allowed = setting.field.store(config, values);
  if (!allowed) return std::nullopt;
  return ConfigError{fmt::format("{}: '{}' is not allowed; write {}", shown_name,
                                 fmt::join(values, "', '"), *allowed)};
}

// Rules that join several settings.
std::optional<ConfigError> check_together(const Config& config) {
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    return ConfigError{"--tls-cert and --tls-key go together: give both or none"};
  }
  if (config.turn_server.empty() != config.turn_secret.empty()) {
    return ConfigError{"--turn-server and --turn-secret go together: give both or none"};
  }
  if (config.tls_self_signed && !config.tls_cert.empty()) {
    return ConfigError{"--tls-self-signed makes its own certificate: leave --tls-cert out"};
  }
  if (const auto* const port = find_duplicate(config.listen, config.bind, config.port)) {
    return ConfigError{
        fmt::format("--listen {}: another --listen, or --bind and --port, has this address and "
                    "port already; give each port once",
                    to_string(*port))};
  }
  if (config.memory_budget < config.outbox_limit) {
    return ConfigError{
        "--memory-budget is for all sessions: it cannot be less than --outbox-limit"};
  }
  return std::nullopt;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    // Read before any thread starts. NOLINTNEXTLINE(concurrency-mt-unsafe)
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

std::variant<Config, ConfigText, ConfigError> load_config(const std::vector<std::string>& arguments,
                                                          const Environment& environment,
                                                          const Program& program) {
  auto flags = read_flags(arguments, program);
  if (auto* const text = std::get_if<ConfigText>(&flags)) return std::move(*text);
  if (auto* const error = std::get_if<ConfigError>(&flags)) return std::move(*error);

  std::vector<std::pair<Source, Given>> sources;
  sources.emplace_back(Source::flags, std::get<Given>(std::move(flags)));
  sources.emplace_back(Source::environment, read_environment(environment));

  std::string path;
  for (const auto& [source, given] : sources) {
    const auto entry = given.values.find("config");
    if (entry == given.values.end()) continue;
    path = entry->second.back();
    break;
  }
  if (!path.empty()) {
    auto file = read_file(path);
    if (auto* const error = std::get_if<ConfigError>(&file)) return std::move(*error);
    sources.emplace_back(Source::file, std::get<Given>(std::move(file)));
  }

  auto config = default_config();
  for (const auto& group : setting_groups()) {
    for (const auto& setting : group.settings) {
      for (auto& [source, given] : sources) {
        const auto entry = given.values.find(setting.name);
        if (entry == given.values.end()) continue;
        auto error =
            store(setting, std::move(entry->second), name_in(source, setting, path), config);
        if (error) return std::move(*error);
        break;
      }
    }
  }
  if (auto error = check_together(config)) return std::move(*error);
  return config;
}

Config default_config() {
  Config config;
  for (const auto& group : setting_groups()) {
    for (const auto& setting : group.settings) {
      store(setting, {std::string{setting.default_value}}, std::string{setting.name}, config);
    }
  }
  return config;
}

}  // namespace sigway::ops
