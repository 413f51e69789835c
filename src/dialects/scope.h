#pragma once

#include <optional>
#include <string>
#include <string_view>

/// Names and rooms that belong to one dialect alone. The bus knows them by the dialect's name, a
/// line feed and their own name, which no client of another dialect can say: `valid_name` and
/// `valid_room` allow printable characters only.
namespace sigway::dialects {

inline std::string scoped(std::string_view dialect, std::string_view name) {
  return std::string(dialect).append("\n").append(name);
}

/// The name without its dialect. The view lies in `scoped`; none: it is not of that dialect.
inline std::optional<std::string_view> unscoped(std::string_view dialect,
                                                std::string_view scoped) noexcept {
  if (!scoped.starts_with(dialect)) return std::nullopt;
  const auto rest = scoped.substr(dialect.size());
  if (!rest.starts_with('\n')) return std::nullopt;
  return rest.substr(1);
}

}  // namespace sigway::dialects
