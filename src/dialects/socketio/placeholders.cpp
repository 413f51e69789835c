#include "socketio/placeholders.h"

#include <algorithm>
#include <bitset>
#include <optional>

#include "dialects/json_fields.h"
#include "socketio/base64.h"

namespace sigway::dialects::socketio {
namespace {

constexpr std::string_view kMark = "_placeholder";
constexpr std::string_view kNumber = "num";

// The string whose opening quote stands at `start`.
JsonValue string_at(std::string_view json, std::size_t start) noexcept {
  JsonValue string;
  string.kind = JsonValue::Kind::string;
  std::size_t end = start + 1;
  while (json[end] != '"') {
    string.escaped = string.escaped || json[end] == '\\';
    end += json[end] == '\\' ? 2 : 1;
  }
  string.bytes = json.substr(start, end + 1 - start);
  return string;
}

// One or two digits, as JSON writes them: an attachment's number is no larger.
std::optional<std::size_t> small_number(const JsonValue& value) noexcept {
  if (value.kind != JsonValue::Kind::number || value.bytes.size() > 2) return std::nullopt;
  std::size_t number = 0;
  for (const char c : value.bytes) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::size_t>(c - '0');
  }
  return number;
}

// The object at the start of `json`, if it is a placeholder.
std::optional<Placeholder> read_placeholder(std::string_view json) {
  JsonCursor cursor(json);
  JsonValue whole;
  cursor.read_value(whole);
  JsonCursor members(whole.bytes);
  members.begin_object();
  bool marked = false;
  std::optional<std::size_t> number;
  std::size_t count = 0;
  for (JsonValue key; members.next_member(key); ++count) {
    JsonValue value;
    members.read_value(value);
    if (is_key(key, kMark)) {
      marked = value.bytes == "true";
    } else if (is_key(key, kNumber)) {
      number = small_number(value);
    }
  }
  if (count != 2 || !marked || !number) return std::nullopt;
  return Placeholder{0, whole.bytes.size(), *number};
}

}  // namespace

Result<std::vector<Placeholder>> find_placeholders(std::string_view json, std::size_t attachments) {
  std::vector<Placeholder> found;
  std::bitset<kMaxAttachments> used;
  std::size_t bracket = 0;  // the last one before `at`
  std::size_t at = 0;
  while ((at = json.find_first_of("\"{}[]", at)) != std::string_view::npos) {
    if (json[at] != '"') {
      bracket = at++;
      continue;
    }
    const JsonValue string = string_at(json, at);
    at += string.bytes.size();
    const std::size_t next = json.find_first_not_of(" \t\r\n", at);
    const bool is_name = next != std::string_view::npos && json[next] == ':';
    if (!is_name || !is_key(string, kMark)) continue;
    // A placeholder holds no other value with brackets, so the last one opened it.
    const Fault fault{Fault::Kind::bad_placeholder, bracket};
    auto placeholder = json[bracket] == '{' ? read_placeholder(json.substr(bracket)) : std::nullopt;
    if (!placeholder || placeholder->number >= std::min(attachments, kMaxAttachments) ||
        used[placeholder->number])
      return fault;
    used.set(placeholder->number);
    placeholder->offset = bracket;
    found.push_back(*placeholder);
    at = bracket + placeholder->size;
  }
  return found;
}

std::string with_inline_attachments(std::string_view json,
                                    std::span<const std::string_view> attachments) {
  const auto found = find_placeholders(json, attachments.size());
  const auto* const places = std::get_if<std::vector<Placeholder>>(&found);
  if (places == nullptr) return std::string(json);
  std::string out;
  std::size_t done = 0;
  for (const auto& place : *places) {
    out.append(json, done, place.offset - done).append("{\"base64\":\"");
    append_base64(out, attachments[place.number]);
    out += "\"}";
    done = place.offset + place.size;
  }
  return out.append(json, done);
}

}  // namespace sigway::dialects::socketio
