#include "socketio/arguments.h"

#include <optional>
#include <utility>

#include "dialects/json_fields.h"

namespace sigway::dialects::socketio {
namespace {

std::size_t offset_in(std::string_view json, const JsonValue& value) noexcept {
  return static_cast<std::size_t>(value.bytes.data() - json.data());
}

// The rest of the array that the cursor has stepped into.
std::optional<Fault> read_arguments(JsonCursor& cursor, std::string_view json,
                                    std::vector<JsonValue>& arguments) {
  while (cursor.next_element()) {
    JsonValue value;
    if (!cursor.read_value(value)) break;
    if (arguments.size() == kMaxArguments)
      return Fault{Fault::Kind::too_many_arguments, offset_in(json, value)};
    arguments.push_back(value);
  }
  return std::nullopt;
}

std::optional<Fault> read_name(const JsonValue& value, std::string_view json, std::string& name) {
  if (value.kind == JsonValue::Kind::number) {
    name = value.bytes;
    return std::nullopt;
  }
  if (value.kind == JsonValue::Kind::string) {
    if (auto text = unescape(value)) {
      name = std::move(*text);
      return std::nullopt;
    }
  }
  return Fault{Fault::Kind::bad_name, offset_in(json, value)};
}

}  // namespace

Result<SplitEvent> split_event(std::string_view json) {
  JsonCursor cursor(json, kMaxDepth);
  SplitEvent event;
  if (!cursor.begin_array()) return Fault{Fault::Kind::bad_payload, 0};
  JsonValue name;
  if (!cursor.next_element()) {
    if (!cursor.at_end()) return fault_of(*cursor.fault(), 0);
    return Fault{Fault::Kind::bad_name, 0};
  }
  if (cursor.read_value(name)) {
    if (const auto fault = read_name(name, json, event.name)) return *fault;
    if (const auto fault = read_arguments(cursor, json, event.arguments)) return *fault;
  }
  if (!cursor.at_end()) return fault_of(*cursor.fault(), 0);
  return event;
}

Result<std::vector<JsonValue>> split_arguments(std::string_view json) {
  std::vector<JsonValue> arguments;
  if (json.empty()) return arguments;
  JsonCursor cursor(json, kMaxDepth);
  if (!cursor.begin_array()) return Fault{Fault::Kind::bad_payload, 0};
  if (const auto fault = read_arguments(cursor, json, arguments)) return *fault;
  if (!cursor.at_end()) return fault_of(*cursor.fault(), 0);
  return arguments;
}

Result<SplitEvent> split_legacy_event(std::string_view json) {
  JsonCursor cursor(json, kMaxDepth);
  if (!cursor.begin_object()) return Fault{Fault::Kind::bad_payload, 0};
  std::optional<JsonValue> name;
  std::optional<JsonValue> args;
  JsonValue key;
  while (cursor.next_member(key)) {
    JsonValue value;
    if (!cursor.read_value(value)) break;
    if (is_key(key, "name")) {
      name = value;
    } else if (is_key(key, "args")) {
      args = value;
    }
  }
  if (!cursor.at_end()) return fault_of(*cursor.fault(), 0);
  if (!name || name->kind != JsonValue::Kind::string)
    return Fault{Fault::Kind::bad_name, name ? offset_in(json, *name) : 0};
  SplitEvent event;
  if (const auto fault = read_name(*name, json, event.name)) return *fault;
  if (!args || args->kind == JsonValue::Kind::null) return event;
  if (args->kind != JsonValue::Kind::array)
    return Fault{Fault::Kind::bad_payload, offset_in(json, *args)};
  JsonCursor inner(args->bytes, kMaxDepth);
  inner.begin_array();
  if (const auto fault = read_arguments(inner, json, event.arguments)) return *fault;
  return event;
}

}  // namespace sigway::dialects::socketio
