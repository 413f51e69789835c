#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "dialects/grammar.h"
#include "dialects/json_fields.h"
#include "dialects/json_scanner.h"
#include "dialects/json_writer.h"
#include "dialects/scope.h"
#include "peerjs/peerjs.h"

namespace sigway::dialects::peerjs {
namespace {

constexpr std::size_t kMaxDepth = 64;
/// How long a message waits for its receiver. The original looks once a second for what is older
/// than 5 s.
constexpr base::Duration kUnread = std::chrono::milliseconds(5500);

struct Kind {
  std::string_view type;
  bool waits;  ///< for a receiver that is not there
};
constexpr std::array<Kind, 5> kKinds{{
    {"OFFER", true},
    {"ANSWER", true},
    {"CANDIDATE", true},
    {"LEAVE", false},
    {"EXPIRE", false},
}};

/// The fields that the server reads. Like JSON.parse, the last of a name counts.
struct Fields {
  JsonValue type, dst, payload;
};

std::optional<Fields> read_fields(std::string_view text) {
  Fields fields;
  JsonCursor cursor(text, kMaxDepth);
  if (!cursor.begin_object()) return std::nullopt;
  for (JsonValue key, value; cursor.next_member(key) && cursor.read_value(value);) {
    if (is_key(key, "type")) {
      fields.type = value;
    } else if (is_key(key, "dst")) {
      fields.dst = value;
    } else if (is_key(key, "payload")) {
      fields.payload = value;
    }
  }
  return cursor.at_end() ? std::optional(fields) : std::nullopt;
}

const Kind* kind_of(const JsonValue& type) {
  if (type.kind != JsonValue::Kind::string) return nullptr;
  const auto text = unescape(type);
  const auto* const kind = std::find_if(kKinds.begin(), kKinds.end(),
                                        [&](const Kind& each) { return text == each.type; });
  return kind == kKinds.end() ? nullptr : kind;
}

/// Nothing, or what JavaScript takes for nothing.
bool is_empty(const JsonValue& value) noexcept {
  return value.bytes.empty() || value.bytes == "null" || value.bytes == R"("")";
}

/// What the receiver gets. `src` is the sender, whatever it says.
std::string forwarded(std::string_view type, std::string_view src, std::string_view dst,
                      const JsonValue& payload) {
  std::string out;
  out.reserve(64 + src.size() + dst.size() + payload.bytes.size());
  JsonWriter json(out);
  json.text("type", type).text("src", src).text("dst", dst);
  if (!payload.bytes.empty()) json.raw("payload", on_one_line(payload));
  json.close();
  return out;
}

}  // namespace

const Traits kClient{.acknowledges = false,
                     .activates = false,
                     .resumes = false,
                     .reuses_key = true,
                     .needs_name = true,
                     .linger = std::chrono::seconds(90)};

bool valid_id(std::string_view id) noexcept { return valid_room(id); }

std::string name_of(std::string_view id) { return scoped(kDialect, id); }

std::optional<Message> decode(std::string_view id, std::string_view text) {
  const auto fields = read_fields(text);
  if (!fields) return std::nullopt;
  const auto* const kind = kind_of(fields->type);
  if (kind == nullptr) return std::nullopt;
  if (is_empty(fields->dst)) {
    if (kind->type != "LEAVE") return std::nullopt;
    return Message{std::nullopt, Command(Leave{})};
  }
  if (fields->dst.kind != JsonValue::Kind::string) return std::nullopt;
  const auto dst = unescape(fields->dst);
  if (!dst) return std::nullopt;
  if (!valid_id(*dst)) {
    // Nobody can have such an id, so the sender need not wait for the news.
    if (!kind->waits) return std::nullopt;
    return Message{std::nullopt, Error{.code = ErrorCode::bad_name, .to = "@" + name_of(*dst)}};
  }
  return Message{
      std::nullopt,
      Command(Say{.type = std::string(kind->type),
                  .to = {{Address::Kind::name, name_of(*dst)}},
                  .data = {Payload::Kind::json, forwarded(kind->type, id, *dst, fields->payload)},
                  .store = kind->waits,
                  .lifetime = kUnread})};
}

}  // namespace sigway::dialects::peerjs
