#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

/// Reads measurements, of which any part may be missing. Pure; throws nothing. Thread: any.
namespace sigway::doctor {

/// The member of that name, or null.
inline const nlohmann::json& part(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

/// Empty: there is no such string.
inline std::string text(const nlohmann::json& object, const char* name) {
  const auto& value = part(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

inline std::optional<double> number(const nlohmann::json& object, const char* name) {
  const auto& value = part(object, name);
  if (!value.is_number()) return std::nullopt;
  return value.get<double>();
}

inline std::string kind_of(const nlohmann::json& object) { return text(object, "kind"); }

/// As JavaScript's Math.round.
inline std::int64_t rounded(double value) {
  return static_cast<std::int64_t>(std::floor(value + 0.5));
}

}  // namespace sigway::doctor
