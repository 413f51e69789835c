#include "commands/command.h"

#include <array>
#include <cstdio>
#include <string_view>

#include "commands/verbs.h"

namespace sigway::commands {
namespace {

struct Verb {
  std::string_view name;
  int (*run)(const std::vector<std::string>&);
};
constexpr std::array<Verb, 4> kVerbs{
    {{"doctor", doctor}, {"join", join}, {"send", send}, {"tail", tail}}};

}  // namespace

std::optional<int> run_command(const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return std::nullopt;
  const auto& name = arguments.front();
  for (const auto& verb : kVerbs) {
    if (verb.name == name) return verb.run({arguments.begin() + 1, arguments.end()});
  }
  std::string known;
  for (const auto& verb : kVerbs) known += (known.empty() ? "" : ", ") + std::string(verb.name);
  std::fprintf(stderr,
               "sigway: there is no command '%s'; there are %s, and without one it serves "
               "(sigway --help)\n",
               name.c_str(), known.c_str());
  return kMisused;
}

}  // namespace sigway::commands
