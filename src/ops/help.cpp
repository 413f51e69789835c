#include "ops/help.h"

#include <spdlog/fmt/fmt.h>

#include <iterator>
#include <sstream>
#include <string_view>
#include <vector>

#include "ops/config.h"
#include "ops/settings.h"
#include "ops/version.h"

namespace sigway::ops {
namespace {

constexpr std::size_t kWidth = 80;
constexpr std::size_t kIndent = 6;

// Appends `text`, wrapped between its words, and `last`, which stays in one piece.
void append_wrapped(std::string& out, std::string_view text, const std::string& last) {
  std::istringstream stream{std::string{text}};
  std::vector<std::string> words{std::istream_iterator<std::string>{stream}, {}};
  words.push_back(last);

  std::size_t column = 0;
  for (const auto& word : words) {
    if (column != 0 && column + 1 + word.size() > kWidth) {
      out += '\n';
      column = 0;
    }
    const auto blanks = column == 0 ? kIndent : 1;
    out.append(blanks, ' ').append(word);
    column += blanks + word.size();
  }
  out += '\n';
}

std::string origin_of(const Setting& setting) {
  if (setting.default_value.empty()) return fmt::format("({})", setting.environment_name());
  return fmt::format("(default {}, {})", setting.default_value, setting.environment_name());
}

std::string usage_of(const Program& program) {
  if (program.commands.empty()) {
    return fmt::format("Usage: {} [--SETTING VALUE]...\n\n", program.name);
  }
  return fmt::format(
      "Usage: {0} [--SETTING VALUE]...   serves\n"
      "       {0} COMMAND ...            talks to a server; see COMMAND --help\n{1}\n",
      program.name, program.commands);
}

}  // namespace

std::string help_text(const Program& program) {
  std::string out = fmt::format(
      "sigway {}: a WebRTC signaling gateway. WebSocket, Server-Sent Events and\n"
      "long-polling on one port, in front of one message bus.\n\n"
      "{}"
      "Each setting is a flag, an environment variable and a key of the --config file;\n"
      "the first of these that has it counts. A list is repeated or has commas.\n"
      "Times: 500ms, 25s, 2m, 1h. Sizes: 64KiB, 4MiB, 1GiB.\n\n"
      "  -h, --help\n      Show this text\n"
      "  -V, --version\n      Show the version\n",
      version(), usage_of(program));
  for (const auto& group : setting_groups()) {
    fmt::format_to(std::back_inserter(out), "\n{}:\n", group.title);
    for (const auto& setting : group.settings) {
      const auto separator = setting.field.placeholder.empty() ? "" : " ";
      const auto repeat = setting.field.shape == SettingShape::list ? "..." : "";
      fmt::format_to(std::back_inserter(out), "  --{}{}{}{}\n", setting.name, separator,
                     setting.field.placeholder, repeat);
      append_wrapped(out, setting.help, origin_of(setting));
    }
  }
  return out;
}

}  // namespace sigway::ops
