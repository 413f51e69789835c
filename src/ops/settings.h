#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/config.h"

// The table of settings: internal to ops, used by load_config() and its tests.
namespace sigway::ops {

enum class SettingShape {
  value,  // --name VALUE, the last one counts
  flag,   // --name, or --name=no
  list,   // --name VALUE, repeated or separated by commas
};

// Puts the texts of a setting into its field of a Config (a list may have several, the others have
// one), or answers what is allowed: "a number from 0 to 65535".
using Store =
    std::function<std::optional<std::string>(Config& config, std::span<const std::string> values)>;

// How a setting's text is read and where it goes.
struct Field {
  SettingShape shape = SettingShape::value;
  std::string_view placeholder;  // in --help: "NUMBER"
  Store store;
};

struct Setting {
  std::string_view name;           // "max-body": flag --max-body, key max-body, SIGWAY_MAX_BODY
  std::string_view default_value;  // in the setting's own notation
  std::string_view help;           // one sentence without its full stop
  Field field;

  // SIGWAY_MAX_BODY
  std::string environment_name() const;
};

struct SettingGroup {
  std::string_view title;
  std::vector<Setting> settings;
};

// In the order of --help. Built on first use; any thread.
std::span<const SettingGroup> setting_groups();

// The setting of this name, or null.
const Setting* find_setting(std::string_view name);

}  // namespace sigway::ops
