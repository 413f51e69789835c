#include "socketio_rooms/message.h"

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dialects/frames.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "socketio/fault.h"
#include "socketio/placeholders.h"
#include "socketio/socket_packet.h"

namespace sigway::dialects::socketio {
namespace {

using Kind = JsonValue::Kind;

constexpr std::string_view kMessage = "message";
constexpr std::string_view kReady = R"("got user media")";
constexpr std::string_view kBye = R"("bye")";

std::string_view or_null(const Field& field) {
  return field.is_there() ? field.value.bytes : std::string_view("null");
}

bool is_text(const Field& field, std::string_view text) {
  return field.value.kind == Kind::string && field.is_there() && unescape(field.value) == text;
}

Payload json(std::string bytes) { return {Payload::Kind::json, std::move(bytes)}; }

/// A page's candidate as others know it; none: it has something that would be lost.
std::optional<std::string> candidate_init(std::string_view object) {
  std::array<Field, 4> fields{Field{"type"}, Field{"label"}, Field{"id"}, Field{"candidate"}};
  const auto& [type, label, id, candidate] = fields;
  if (read_fields(object, fields) || candidate.value.kind != Kind::string) return std::nullopt;
  std::string out;
  JsonWriter(out)
      .raw("candidate", candidate.value.bytes)
      .raw("sdpMid", or_null(id))
      .raw("sdpMLineIndex", or_null(label))
      .close();
  return out;
}

/// Appends the candidate of a native client, if it is one.
void append_candidate(EventChain& events, std::string_view value) {
  if (!value.starts_with('{')) return;
  std::array<Field, 3> fields{Field{"candidate"}, Field{"sdpMid"}, Field{"sdpMLineIndex"}};
  const auto& [candidate, mid, index] = fields;
  read_fields(value, fields);
  if (candidate.value.kind == Kind::object) return append_candidate(events, candidate.value.bytes);
  if (candidate.value.kind != Kind::string || candidate.value.bytes == R"("")") return;
  std::string out;
  JsonWriter(out)
      .text("type", "candidate")
      .raw("label", or_null(index))
      .raw("id", or_null(mid))
      .raw("candidate", candidate.value.bytes)
      .close();
  events.event(kMessage, {out});
}

/// One, an array, or `{"candidates":[…]}`.
void append_candidates(EventChain& events, std::string_view data) {
  if (data.starts_with('{')) {
    std::array<Field, 1> fields{Field{"candidates"}};
    read_fields(data, fields);
    if (fields[0].value.kind != Kind::array) return append_candidate(events, data);
    data = fields[0].value.bytes;
  }
  JsonCursor cursor(data, kMaxJsonDepth);
  if (!cursor.begin_array()) return;
  std::size_t count = 0;
  for (JsonValue value; count < kMostCandidates && cursor.next_element(); ++count) {
    if (!cursor.read_value(value)) break;
    append_candidate(events, value.bytes);
  }
}

/// A description as pages know it: an object with its type.
std::string description(std::string_view type, const Payload& data) {
  if (data.kind == Payload::Kind::json && data.bytes.starts_with('{')) {
    std::array<Field, 1> fields{Field{"type"}};
    read_fields(data.bytes, fields);
    if (is_text(fields[0], type)) return data.bytes;
    if (!fields[0].is_there()) {
      std::string out;
      JsonWriter(out).text("type", type).close();
      if (data.bytes == "{}") return out;
      out.back() = ',';
      return out.append(data.bytes, 1);
    }
  }
  std::string out;
  append_json(out, data);
  return out;
}

}  // namespace

Say say_of(const Emission& emission) {
  Say say{.type = std::string(kMessage)};
  if (emission.arguments.empty()) return say;
  const auto value = emission.arguments.front();
  if (!emission.attachments.empty()) {
    const auto found = find_placeholders(value, emission.attachments.size());
    const auto* const places = std::get_if<std::vector<Placeholder>>(&found);
    if (places != nullptr && places->size() == 1 && places->front().size == value.size()) {
      say.data = {Payload::Kind::binary, emission.attachments[places->front().number]};
    } else {
      const std::vector<std::string_view> attachments(emission.attachments.begin(),
                                                      emission.attachments.end());
      say.data = json(with_inline_attachments(value, attachments));
    }
    return say;
  }
  if (value == kBye || value == kReady) {
    say.type = value == kBye ? "bye" : "link";
    return say;
  }
  if (value.starts_with('{')) {
    std::array<Field, 1> fields{Field{"type"}};
    read_fields(value, fields);
    for (const std::string_view type : {"offer", "answer"}) {
      if (is_text(fields[0], type)) say.type = type;
    }
    if (is_text(fields[0], "candidate")) {
      if (auto init = candidate_init(value)) {
        say.type = "candidate";
        say.data = json(*std::move(init));
        return say;
      }
    }
  }
  JsonValue whole;
  JsonCursor cursor(value, kMaxJsonDepth);
  cursor.read_value(whole);
  say.data = json(on_one_line(whole));
  return say;
}

void append_messages(EventChain& events, const event::Said& said) {
  const auto& [kind, bytes] = said.data;
  if (said.type == "candidate" && kind == Payload::Kind::json)
    return append_candidates(events, bytes);
  // A page has no word for a call that is begun anew. After "bye" it answers the next offer as if
  // it were the first one.
  if (said.type == "bye" || said.type == "renew") {
    events.event(kMessage, {kBye});
    return;
  }
  if (said.type == "link") {
    events.event(kMessage, {kReady});
    return;
  }
  if (said.type == "offer" || said.type == "answer") {
    events.event(kMessage, {description(said.type, said.data)});
    return;
  }
  std::string out;
  if (said.type != kMessage) {
    JsonWriter writer(out);
    writer.text("type", said.type)
        .optional_text("from", said.from)
        .optional_text("name", said.name);
    if (kind != Payload::Kind::none) append_json(writer.key("data").out(), said.data);
    writer.close();
    events.event(kMessage, {out});
  } else if (kind == Payload::Kind::none) {
    events.event(kMessage);
  } else if (kind == Payload::Kind::binary) {
    append_placeholder(out, 0);
    events.event(kMessage, {out}).attachment(bytes);
  } else {
    append_json(out, said.data);
    events.event(kMessage, {out});
  }
}

}  // namespace sigway::dialects::socketio
