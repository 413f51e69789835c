#include "socketio/jsonp.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dialects/json_writer.h"
#include "http/request.h"

namespace sigway::dialects::socketio {
namespace {

// The value of the form's only field `d`, its escapes undone.
std::optional<std::string> field_d(std::string_view body) {
  std::optional<std::string> found;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('&'), body.size());
    const std::string_view field = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (field.substr(0, 2) != "d=") continue;
    if (found) return std::nullopt;
    found = http::percent_decode(field.substr(2), true);
    if (!found) return std::nullopt;
  }
  return found;
}

// JSON whose strings may hold U+2028 (e2 80 a8) and U+2029 (e2 80 a9), with these escaped.
void append_as_script(std::string& out, std::string_view json) {
  constexpr std::string_view kStart = "\xE2\x80";
  for (std::size_t at = 0; (at = json.find(kStart, at)) != std::string_view::npos;) {
    const char last = json[at + kStart.size()];
    at += kStart.size() + 1;
    if (last != '\xA8' && last != '\xA9') continue;
    out += json.substr(0, at - kStart.size() - 1);
    out += last == '\xA8' ? "\\u2028" : "\\u2029";
    json.remove_prefix(at);
    at = 0;
  }
  out += json;
}

}  // namespace

std::string jsonp_index(std::string_view sent) {
  constexpr std::size_t kMostDigits = 16;
  std::string index;
  for (const char c : sent) {
    if (index.size() == kMostDigits) break;
    if (c >= '0' && c <= '9') index += c;
  }
  return index;
}

void append_jsonp(std::string& out, std::string_view callback, std::string_view index,
                  std::string_view payload) {
  out += callback;
  out += '[';
  out += index;
  out += "](";
  std::string json;
  json.reserve(payload.size() + payload.size() / 4 + 2);
  append_json_string(json, payload);
  append_as_script(out, json);
  out += ");";
}

std::string undo_newline_escapes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    if (text.substr(0, 3) == "\\\\n") {
      out += "\\n";
      text.remove_prefix(3);
    } else if (text.substr(0, 2) == "\\n") {
      out += '\n';
      text.remove_prefix(2);
    } else {
      out += text.front();
      text.remove_prefix(1);
    }
  }
  return out;
}

Result<std::string> decode_jsonp_form(std::string_view body) {
  const auto field = field_d(body);
  if (!field) return Fault{Fault::Kind::bad_form, 0};
  return undo_newline_escapes(*field);
}

Result<std::string> decode_legacy_jsonp_form(std::string_view body) {
  const auto field = field_d(body);
  if (!field) return Fault{Fault::Kind::bad_form, 0};
  JsonCursor cursor(*field);
  JsonValue value;
  cursor.read_value(value);
  if (!cursor.at_end() || value.kind != JsonValue::Kind::string)
    return Fault{Fault::Kind::bad_json, 0};
  auto text = unescape(value);
  if (!text) return Fault{Fault::Kind::bad_json, 0};
  return std::move(*text);
}

}  // namespace sigway::dialects::socketio
