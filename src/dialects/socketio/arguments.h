#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "socketio/fault.h"

/// Names and arguments of events, as ranges of the packet's JSON. Thread: any.
namespace sigway::dialects::socketio {

/// An event: `["name",arg,…]`, in 0.9 `{"name":"name","args":[arg,…]}`.
struct SplitEvent {
  std::string name;                       ///< unescaped; of a number, its digits
  std::vector<JsonValue> arguments = {};  ///< in the JSON that was split
};

/// Splits the proved array of an event packet. Offsets of faults count from the start of `json`.
/// Faults: bad_payload (not an array), bad_name, too_many_arguments, and those of the JSON.
Result<SplitEvent> split_event(std::string_view json);

/// Splits the proved array of an acknowledgement. An empty text is one without arguments.
/// Faults: bad_payload, too_many_arguments, and those of the JSON.
Result<std::vector<JsonValue>> split_arguments(std::string_view json);

/// Splits the proved object of a 0.9 event. Other fields are ignored; of repeated ones the last
/// counts; no `args`, and `"args":null`, are none.
/// Faults: bad_payload, bad_name, too_many_arguments, and those of the JSON.
Result<SplitEvent> split_legacy_event(std::string_view json);

}  // namespace sigway::dialects::socketio
