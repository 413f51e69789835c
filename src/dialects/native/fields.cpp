#include "native/fields.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "dialects/command.h"
#include "dialects/grammar.h"

namespace sigway::dialects::native {
namespace {

// clang-format off
constexpr std::array<std::string_view, kFieldCount> kNames = {
    "key", "open", "resume", "carrier", "turn", "ack", "messages", "wait", "heartbeat", "pad",
    "hello", "ping", "ticket", "away", "n", "type", "to", "room", "data", "name", "capacity",
    "piece", "at", "of", "replaces", "server"};
// clang-format on
static_assert(kNames[static_cast<std::size_t>(Field::n)] == "n" &&
              kNames[static_cast<std::size_t>(Field::server)] == "server");

// The fields in lists by the first letter of their names.
struct ByLetter {
  std::array<std::uint8_t, 256> first = {};
  std::array<std::uint8_t, kFieldCount> next = {};
};
constexpr ByLetter kByLetter = [] {
  ByLetter lists;
  lists.first.fill(kFieldCount);
  for (std::size_t i = kFieldCount; i-- > 0;) {
    auto& first = lists.first[static_cast<unsigned char>(kNames[i].front())];
    lists.next[i] = first;
    first = static_cast<std::uint8_t>(i);
  }
  return lists;
}();

std::optional<Field> field_named(std::string_view name) noexcept {
  if (name.empty()) return std::nullopt;
  for (std::size_t i = kByLetter.first[static_cast<unsigned char>(name.front())]; i != kFieldCount;
       i = kByLetter.next[i]) {
    if (kNames[i] == name) return static_cast<Field>(i);
  }
  return std::nullopt;
}

std::string_view name_of(JsonValue::Kind kind) noexcept {
  switch (kind) {
    case JsonValue::Kind::null: return "null";
    case JsonValue::Kind::boolean: return "a boolean";
    case JsonValue::Kind::number: return "a number";
    case JsonValue::Kind::string: return "a string";
    case JsonValue::Kind::array: return "an array";
    case JsonValue::Kind::object: return "an object";
  }
  return "";
}

Error wrong_kind(std::string_view where, std::string_view wanted, const JsonValue& value) {
  Error error{ErrorCode::bad_request};
  error.message = quoted(where) + " must be " + std::string(wanted) + ", not " +
                  std::string(name_of(value.kind)) + ".";
  return error;
}

// The table's sentence, with the field's name before it.
Error about(ErrorCode code, std::string_view where) {
  Error error{code};
  error.message = quoted(where) + ": " + std::string(info(code).message);
  return error;
}

std::optional<Error> read_checked(const JsonValue& value, std::string_view where, ErrorCode code,
                                  bool (*valid)(std::string_view) noexcept, std::string& out) {
  if (auto error = read_text(value, where, out)) return error;
  if (!valid(out)) return about(code, where);
  return std::nullopt;
}

// Digits only, as the number grammar leaves them: no sign, no leading zero.
std::optional<std::uint64_t> exact_integer(std::string_view digits) noexcept {
  std::uint64_t number = 0;
  if (digits.size() > 16) return std::nullopt;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number <= kMaxInteger ? std::optional(number) : std::nullopt;
}

}  // namespace

Error bad_request(std::string message, std::string hint) {
  Error error{ErrorCode::bad_request};
  error.message = std::move(message);
  error.hint = std::move(hint);
  return error;
}

bool valid_carrier(std::string_view name) noexcept { return is_token(name, 1, 32); }

std::string_view name_of(Field field) noexcept { return kNames[static_cast<std::size_t>(field)]; }

std::string quoted(std::string_view name) {
  constexpr std::size_t kShown = 48;
  std::string_view shown = name;
  if (name.size() > kShown) {
    std::size_t length = kShown;
    while (length > 0 && (static_cast<unsigned char>(name[length]) & 0xC0) == 0x80) --length;
    shown = name.substr(0, length);
  }
  std::string out = "`";
  out += shown;
  out += shown.size() == name.size() ? "`" : "…`";
  return out;
}

std::string names_of(FieldMask fields) {
  std::string out;
  for (std::size_t i = 0; i < kFieldCount; ++i) {
    if ((fields & (FieldMask{1} << i)) == 0) continue;
    if (!out.empty()) out += ", ";
    out += quoted(kNames[i]);
  }
  return out;
}

Error unknown_field(std::string_view name, FieldMask allowed) {
  Error error{ErrorCode::unknown_field};
  error.message = quoted(name) + " is not a field that can stand here.";
  error.hint = "Known here: " + names_of(allowed) + ". What is yours to choose goes into `data`.";
  return error;
}

std::optional<Field> FieldSet::enter(const JsonValue& key, FieldMask allowed) {
  std::string unescaped;
  std::string_view name = key.bytes.substr(1, key.bytes.size() - 2);
  if (key.escaped) {
    if (auto text = unescape(key)) unescaped = std::move(*text);
    if (!unescaped.empty()) name = unescaped;
  }
  const auto field = field_named(name);
  if (!field || (mask(*field) & allowed) == 0) {
    if (!error) error = unknown_field(name, allowed);
    return std::nullopt;
  }
  if (has(*field)) {
    repeated |= mask(*field);
    if (!error) {
      error.emplace().code = ErrorCode::duplicate_field;
      error->message = quoted(name) + " stands there twice.";
    }
    return std::nullopt;
  }
  present |= mask(*field);
  return field;
}

void FieldSet::read(JsonCursor& cursor, FieldMask allowed) {
  JsonValue key;
  while (cursor.next_member(key)) {
    JsonValue ignored;
    const auto field = enter(key, allowed);
    cursor.read_value(field ? slot(*field) : ignored);
  }
}

std::optional<Error> read_text(const JsonValue& value, std::string_view where, std::string& out) {
  if (value.kind != JsonValue::Kind::string) return wrong_kind(where, "a string", value);
  auto text = unescape(value);
  if (!text) {
    Error error{ErrorCode::bad_request};
    error.message = quoted(where) + " has half of a surrogate pair, which no UTF-8 text can hold.";
    error.hint = "Write the character itself, or both halves of the pair: \\ud83d\\ude00.";
    return error;
  }
  out = std::move(*text);
  return std::nullopt;
}

std::optional<Error> read_key(const JsonValue& value, std::string_view where, std::string& out) {
  return read_checked(value, where, ErrorCode::bad_key, &valid_key, out);
}

std::optional<Error> read_carrier(const JsonValue& value, std::string_view where,
                                  std::string& out) {
  if (auto error = read_text(value, where, out)) return error;
  if (valid_carrier(out)) return std::nullopt;
  Error error{ErrorCode::bad_request};
  error.message = quoted(where) + " must be 1 to 32 characters of A-Z a-z 0-9 - _.";
  return error;
}

std::optional<Error> read_room(const JsonValue& value, std::string_view where, std::string& out) {
  return read_checked(value, where, ErrorCode::bad_room, &valid_room, out);
}

std::optional<Error> read_name(const JsonValue& value, std::string_view where, std::string& out) {
  return read_checked(value, where, ErrorCode::bad_name, &valid_name, out);
}

std::optional<Error> read_capacity(const JsonValue& value, std::string_view where,
                                   std::uint32_t& out) {
  if (value.kind != JsonValue::Kind::number) return wrong_kind(where, "an integer", value);
  const auto number = exact_integer(value.bytes);
  if (!number || *number == 0 || *number >= Join::kLargest) {
    return about(ErrorCode::bad_capacity, where);
  }
  out = static_cast<std::uint32_t>(*number);
  return std::nullopt;
}

std::optional<Error> read_flag(const JsonValue& value, std::string_view where, bool& out) {
  if (value.kind != JsonValue::Kind::boolean) return wrong_kind(where, "true", value);
  out = value.bytes.front() == 't';
  if (out) return std::nullopt;
  Error error{ErrorCode::bad_request};
  error.message = quoted(where) + " can only be true.";
  error.hint = "Leave it out instead of sending false.";
  return error;
}

std::optional<Error> read_integer(const JsonValue& value, std::string_view where,
                                  std::uint64_t least, std::uint64_t most, std::uint64_t& out) {
  if (value.kind != JsonValue::Kind::number) return wrong_kind(where, "an integer", value);
  const auto number = exact_integer(value.bytes);
  if (number && *number >= least && *number <= most) {
    out = *number;
    return std::nullopt;
  }
  Error error{ErrorCode::bad_request};
  error.message = quoted(where) + " must be an integer from " + std::to_string(least) + " to " +
                  std::to_string(most) + ", not " + quoted(value.bytes) + ".";
  if (!number) error.hint = "Write it in digits only: no sign, no point, no exponent, no quotes.";
  return error;
}

}  // namespace sigway::dialects::native
