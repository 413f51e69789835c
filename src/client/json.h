#pragma once

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/scheduler.h"

/// Reading JSON that anybody may have written: nothing here throws, and a field of another type is
/// one that is not there.
namespace sigway::client {

/// The order of the fields is kept: events are shown as they came.
using Json = nlohmann::ordered_json;

inline std::optional<Json> parse_object(std::string_view text) {
  auto value = Json::parse(text, nullptr, false);
  if (!value.is_object()) return std::nullopt;
  return value;
}

inline std::string text_of(const Json& object, const char* field) {
  const auto entry = object.find(field);
  return entry != object.end() && entry->is_string() ? entry->get<std::string>() : std::string{};
}

/// The texts in a list; what else is in it is left out.
inline std::vector<std::string> texts_of(const Json& object, const char* field) {
  std::vector<std::string> texts;
  const auto entry = object.find(field);
  if (entry == object.end() || !entry->is_array()) return texts;
  for (const auto& element : *entry) {
    if (element.is_string()) texts.push_back(element.get<std::string>());
  }
  return texts;
}

inline std::optional<std::uint64_t> number_of(const Json& object, const char* field) {
  const auto entry = object.find(field);
  if (entry == object.end() || !entry->is_number_unsigned()) return std::nullopt;
  return entry->get<std::uint64_t>();
}

/// Milliseconds of a stranger as a time that can be added to others: an hour at the most.
inline Duration bounded_duration(std::uint64_t milliseconds) {
  return Duration(static_cast<Duration::rep>(std::min<std::uint64_t>(milliseconds, 3'600'000)));
}

/// A JSON text of UTF-8 as one that every encoding of the web leaves alone: what is not ASCII
/// stands in strings only, where it may be escaped. Up to three times as long.
std::string in_ascii(std::string_view json);
inline bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

/// Bytes that are not UTF-8 are replaced, where dump() would throw.
inline std::string dump(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sigway::client
