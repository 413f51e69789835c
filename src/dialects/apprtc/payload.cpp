#include "apprtc/payload.h"

#include <array>
#include <optional>
#include <utility>

#include "base/utf8.h"
#include "dialects/frames.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"

namespace sigway::dialects::apprtc {
namespace {

using Kind = JsonValue::Kind;

/// Levels of JSON that is passed on as JSON; what has more is a text.
constexpr std::size_t kMaxDepth = 64;

std::string_view or_null(const Field& field) {
  return field.is_there() ? field.value.bytes : std::string_view("null");
}

// -- From a client

/// The whole text as a JSON object or array.
std::optional<JsonValue> read_whole(std::string_view text) {
  JsonCursor cursor(text, kMaxDepth);
  JsonValue value;
  if (!cursor.read_value(value) || !cursor.at_end()) return std::nullopt;
  if (value.kind != Kind::object && value.kind != Kind::array) return std::nullopt;
  return value;
}

/// A candidate as others know it; none: it has something that would be lost.
std::optional<std::string> candidate_init(std::string_view object) {
  std::array fields{Field{"type"}, Field{"label"}, Field{"id"}, Field{"candidate"}};
  const auto& [type, label, id, candidate] = fields;
  if (read_fields(object, fields) || !candidate.is_string()) return std::nullopt;
  std::string out;
  JsonWriter(out)
      .raw("candidate", candidate.value.bytes)
      .raw("sdpMid", or_null(id))
      .raw("sdpMLineIndex", or_null(label))
      .close();
  return out;
}

/// Makes `say` what all dialects call it, if they have a word for that object.
void translate(std::string_view object, Say& say) {
  std::array fields{Field{"type"}, Field{"sdp"}};
  const auto& [type, sdp] = fields;
  const bool has_others = read_fields(object, fields);
  if (type.is("bye") && !has_others && !sdp.is_there()) {
    say.type = "bye";
    say.data = {};
  } else if (type.is("candidate")) {
    auto init = candidate_init(object);
    if (!init) return;
    say.type = "candidate";
    say.data.bytes = *std::move(init);
  } else if (sdp.is_string()) {
    for (const std::string_view name : {"offer", "answer"}) {
      if (type.is(name)) say.type = name;
    }
  }
}

std::string mended(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto length = base::utf8_length(text);
    out += length == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

// -- To a client

/// Appends one candidate of another dialect. That there are no more of them is no message here.
void append_candidate(std::vector<std::string>& out, std::string_view value) {
  if (!value.starts_with('{')) return;
  std::array fields{Field{"candidate"}, Field{"sdpMid"}, Field{"sdpMLineIndex"}};
  const auto& [candidate, mid, index] = fields;
  read_fields(value, fields);
  if (candidate.is_there() && candidate.value.kind == Kind::object)
    return append_candidate(out, candidate.value.bytes);
  if (!candidate.is_string() || candidate.value.bytes == R"("")") return;
  JsonWriter(out.emplace_back())
      .text("type", "candidate")
      .raw("label", or_null(index))
      .raw("id", or_null(mid))
      .raw("candidate", candidate.value.bytes)
      .close();
}

/// One, an array, or `{"candidates":[…]}`.
std::vector<std::string> candidates(std::string_view data) {
  std::vector<std::string> out;
  if (data.starts_with('{')) {
    std::array fields{Field{"candidates"}};
    read_fields(data, fields);
    const auto& list = fields[0];
    if (!list.is_there() || list.value.kind != Kind::array) {
      append_candidate(out, data);
      return out;
    }
    data = list.value.bytes;
  }
  JsonCursor cursor(data);
  if (!cursor.begin_array()) return out;
  std::size_t count = 0;
  for (JsonValue value; count < kMostCandidates && cursor.next_element(); ++count) {
    if (!cursor.read_value(value)) break;
    append_candidate(out, value.bytes);
  }
  return out;
}

/// A description with the two fields that clients read; empty: it has no SDP. One of an AppRTC
/// client, which names its type, stays as it was said.
std::string description(std::string_view type, const Payload& data) {
  if (data.kind != Payload::Kind::json || !data.bytes.starts_with('{')) return {};
  std::array fields{Field{"type"}, Field{"sdp"}};
  read_fields(data.bytes, fields);
  if (!fields[1].is_string()) return {};
  if (fields[0].is(type)) return data.bytes;
  std::string out;
  JsonWriter(out).text("type", type).raw("sdp", fields[1].value.bytes).close();
  return out;
}

/// A message without a type of its own.
std::string plain_text(const Payload& data) {
  if (data.kind == Payload::Kind::text) return data.bytes;
  if (data.kind == Payload::Kind::json && data.bytes.starts_with('"')) {
    JsonValue value;
    JsonCursor(data.bytes).read_value(value);
    if (auto text = unescape(value)) return *std::move(text);
  }
  std::string out;
  if (data.kind != Payload::Kind::none) append_json(out, data);
  return out;
}

}  // namespace

Say say_of(std::string_view text) {
  Say say{.type = "message", .keep = true};
  const auto whole = read_whole(text);
  if (!whole) {
    say.data = {Payload::Kind::text, mended(text)};
    return say;
  }
  say.data = {Payload::Kind::json, on_one_line(*whole)};
  if (whole->kind == Kind::object) translate(whole->bytes, say);
  return say;
}

std::vector<std::string> texts_of(const event::Said& said) {
  const auto& [kind, bytes] = said.data;
  if (said.type == "bye") return {std::string(kBye)};
  // Between peer links only. An AppRTC client on Android ends its call at a word that it does not
  // know.
  if (said.type == "link" || said.type == "renew" || said.type == "link-error") return {};
  if (said.type == "candidate" && kind == Payload::Kind::json) return candidates(bytes);
  std::string text;
  if (said.type == "offer" || said.type == "answer") text = description(said.type, said.data);
  if (said.type == "message") {
    text = plain_text(said.data);
    if (text.empty()) return {};  // which is none in the original
  }
  if (text.empty()) {
    JsonWriter json(text);
    json.text("type", said.type).text("from", said.from).optional_text("name", said.name);
    if (kind != Payload::Kind::none) append_json(json.key("data").out(), said.data);
    json.close();
  }
  return {std::move(text)};
}

bool is_of_peer_link(const event::Said& said) {
  if (said.type != "offer" || said.data.kind != Payload::Kind::json) return false;
  if (!said.data.bytes.starts_with('{')) return false;
  std::array fields{Field{"link"}};
  read_fields(said.data.bytes, fields);
  return fields[0].is_string();
}

}  // namespace sigway::dialects::apprtc
