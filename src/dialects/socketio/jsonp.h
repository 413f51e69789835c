#pragma once

#include <string>
#include <string_view>

#include "socketio/fault.h"

/// JSONP polling: payloads as a script, and as a form. Source: engine.io 3.6 and 6.6,
/// `transports/polling-jsonp`; socket.io 0.9, `transports/jsonp-polling`. Thread: any.
namespace sigway::dialects::socketio {

/// The functions that the clients define: `___eio[3]("…");`, `io.j[0]("…");`.
inline constexpr std::string_view kEngineCallback = "___eio";
inline constexpr std::string_view kLegacyCallback = "io.j";

/// The index of a callback, out of what the client sent (`j`, in 0.9 `i`): its digits, so that
/// nothing of the request can become code, and no more of them than a client counts.
std::string jsonp_index(std::string_view sent);

/// Appends `callback[index]("…");` with `payload` as the string. `index` is a `jsonp_index`. U+2028
/// and U+2029 are escaped: to older scripts they end a line.
void append_jsonp(std::string& out, std::string_view callback, std::string_view index,
                  std::string_view payload);

/// The payload in a form body, `d=…`, of Engine.IO. Browsers change line breaks in forms, so the
/// client writes a newline as `\n`, and what was `\n` before as `\\n`; both are undone.
/// Faults: bad_form, at 0.
Result<std::string> decode_jsonp_form(std::string_view body);

/// The same of 0.9, whose client puts the payload into a JSON string. Faults: bad_form and
/// bad_json, at 0.
Result<std::string> decode_legacy_jsonp_form(std::string_view body);

/// The second half of `decode_jsonp_form`: the value of `d` with its newlines.
std::string undo_newline_escapes(std::string_view text);

}  // namespace sigway::dialects::socketio
