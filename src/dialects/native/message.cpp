#include "native/message.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dialects/grammar.h"

namespace sigway::dialects::native {
namespace {

using Content = std::variant<Command, Piece, Error>;

// What the server says under its own name; a peer must not be able to say it (docs/protocol.md,
// "Down: events"). `login` and `logout` are among the commands below.
constexpr std::array<std::string_view, 14> kReserved = {
    "created",    "joined",      "ready",      "full",           "left",
    "place-lost", "peer-joined", "peer-named", "peer-suspended", "peer-resumed",
    "peer-left",  "name-lost",   "stored",     "error"};

constexpr bool letter(char c) noexcept { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

bool valid_type(std::string_view type) noexcept {
  const auto allowed = [](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == ':' || c == '-';
  };
  return !type.empty() && type.size() <= 64 && letter(type.front()) &&
         std::all_of(type.begin(), type.end(), allowed);
}

// The first field that the object has but may not have beside `type`.
std::optional<Error> check_fields(const FieldSet& fields, std::string_view type,
                                  FieldMask allowed) {
  const FieldMask wrong = fields.present & ~(allowed | mask(Field::n, Field::type));
  if (wrong == 0) return std::nullopt;
  std::size_t first = 0;
  while ((wrong & (FieldMask{1} << first)) == 0) ++first;
  Error error{ErrorCode::unknown_field};
  error.message = quoted(name_of(static_cast<Field>(first))) +
                  " does not belong to a message of type " + quoted(type) + ".";
  error.hint = allowed == 0 ? "It has no fields but `n` and `type`."
                            : "It may have " + names_of(allowed) + ".";
  return error;
}

Error missing(std::string_view type, Field field) {
  const std::string name(name_of(field));
  return bad_request(
      "A message of type " + quoted(type) + " needs `" + name + "`.",
      R"(For example {"type":")" + std::string(type) + R"(",")" + name + R"(":"demo"}.)");
}

std::optional<Error> read_address(const JsonValue& value, Address& out) {
  std::string text;
  if (auto error = read_text(value, "to", text)) return error;
  if (!text.empty() && text.front() == '@') {
    text.erase(0, 1);
    if (!valid_name(text)) {
      Error error{ErrorCode::bad_name};
      error.message = "`to`: " + std::string(info(ErrorCode::bad_name).message);
      return error;
    }
    out = {Address::Kind::name, std::move(text)};
    return std::nullopt;
  }
  // A peer id is whatever the server gave out; a wrong one is `no_such_peer`. Only the absurd is
  // refused here.
  if (!valid_room(text)) {
    return bad_request("`to` must be a peer id, or `@` and a name.",
                       "Take peer ids from `joined` and `peer-joined`; leave `to` out to reach "
                       "everybody in the room.");
  }
  out = {Address::Kind::peer, std::move(text)};
  return std::nullopt;
}

std::optional<Error> read_addresses(const JsonValue& value, std::vector<Address>& out) {
  if (value.kind != JsonValue::Kind::array) return read_address(value, out.emplace_back());
  JsonCursor cursor(value.bytes);
  cursor.begin_array();
  while (cursor.next_element()) {
    if (out.size() == kMaxAddresses) {
      return bad_request("`to` has more than " + std::to_string(kMaxAddresses) + " addresses.",
                         "Send the message in several, or to the room.");
    }
    JsonValue element;
    Address address;
    cursor.read_value(element);
    if (auto error = read_address(element, address)) return error;
    // Said twice is meant once: nobody gets a message twice.
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(std::move(address));
  }
  // An empty list is somebody's bug, and everybody in the room is not what they meant.
  if (out.empty())
    return bad_request("`to` is an empty list.",
                       "Leave `to` out to reach everybody else in the room.");
  return std::nullopt;
}

std::optional<Error> read_data(const JsonValue& value, Payload& out) {
  if (value.bytes.size() > kMaxData) {
    Error error{ErrorCode::too_large};
    error.message = "`data` has " + std::to_string(value.bytes.size()) + " bytes, " +
                    std::to_string(kMaxData) + " are the most.";
    error.limit = kMaxData;
    return error;
  }
  if (value.depth > kMaxDataDepth) {
    Error error{ErrorCode::too_deep};
    error.message = "`data` has " + std::to_string(value.depth) + " levels, " +
                    std::to_string(kMaxDataDepth) + " are the most.";
    return error;
  }
  out = {Payload::Kind::json, on_one_line(value)};  // an event must stay on one line
  return std::nullopt;
}

Content make_say(const FieldSet& fields, std::string type) {
  constexpr FieldMask kAllowed = mask(Field::to, Field::room, Field::data);
  if (auto error = check_fields(fields, type, kAllowed)) return std::move(*error);
  Say say;
  if (fields.has(Field::to)) {
    if (auto error = read_addresses(fields[Field::to], say.to)) return std::move(*error);
  }
  if (fields.has(Field::room)) {
    if (auto error = read_room(fields[Field::room], "room", say.room.emplace()))
      return std::move(*error);
  }
  if (fields.has(Field::data)) {
    if (auto error = read_data(fields[Field::data], say.data)) return std::move(*error);
  }
  say.type = std::move(type);
  return Command(std::move(say));
}

Content make_join(const FieldSet& fields) {
  if (auto error = check_fields(fields, "join", mask(Field::room, Field::capacity)))
    return std::move(*error);
  if (!fields.has(Field::room)) return missing("join", Field::room);
  Join join;
  if (auto error = read_room(fields[Field::room], "room", join.room)) return std::move(*error);
  if (fields.has(Field::capacity)) {
    if (auto error = read_capacity(fields[Field::capacity], "capacity", join.capacity.emplace()))
      return std::move(*error);
  }
  return Command(std::move(join));
}

Content make_leave(const FieldSet& fields) {
  if (auto error = check_fields(fields, "leave", mask(Field::room))) return std::move(*error);
  if (!fields.has(Field::room)) return Command(Leave{});
  LeaveRoom leave;
  if (auto error = read_room(fields[Field::room], "room", leave.room)) return std::move(*error);
  return Command(std::move(leave));
}

Content make_login(const FieldSet& fields) {
  if (auto error = check_fields(fields, "login", mask(Field::name))) return std::move(*error);
  if (!fields.has(Field::name)) return missing("login", Field::name);
  Login login;
  if (auto error = read_name(fields[Field::name], "name", login.name)) return std::move(*error);
  return Command(std::move(login));
}

Content make_logout(const FieldSet& fields) {
  if (auto error = check_fields(fields, "logout", 0)) return std::move(*error);
  return Command(Logout{});
}

Content make_piece(const FieldSet& fields) {
  constexpr FieldMask kPieceFields = mask(Field::n, Field::piece, Field::at, Field::of);
  if (const FieldMask wrong = fields.present & ~kPieceFields; wrong != 0) {
    return bad_request("A piece has no fields but " + names_of(kPieceFields) + ", this one has " +
                           names_of(wrong) + ".",
                       "The pieces joined are the whole message; its fields stand in there.");
  }
  if (const FieldMask absent = kPieceFields & ~fields.present; absent != 0) {
    return bad_request(
        "A piece needs " + names_of(absent) + ".",
        R"(For example {"n":4,"at":0,"of":36,"piece":"{\"type\":\"off"}: the message's number, )"
        "where the piece begins, the bytes of the whole.");
  }
  Piece piece;
  std::uint64_t at = 0;
  std::uint64_t of = 0;
  if (auto error = read_text(fields[Field::piece], "piece", piece.text)) return std::move(*error);
  if (auto error = read_integer(fields[Field::at], "at", 0, kMaxInteger, at))
    return std::move(*error);
  if (auto error = read_integer(fields[Field::of], "of", 1, kMaxInteger, of))
    return std::move(*error);
  if (of > kMaxWhole) {
    Error error{ErrorCode::too_large};
    error.limit = kMaxWhole;
    return error;
  }
  if (at > of || piece.text.size() > of - at) {
    return bad_request("The piece goes beyond the end of its message.",
                       "`at` and `of` count bytes of UTF-8, not characters.");
  }
  piece.at = at;
  piece.of = of;
  return piece;
}

Error bad_type(std::string_view type, std::string_view why) {
  Error error{ErrorCode::bad_type};
  error.message = quoted(type) + std::string(why);
  return error;
}

Content make_content(const FieldSet& fields) {
  if (fields.error) return *fields.error;
  if ((fields.present & mask(Field::piece, Field::at, Field::of)) != 0) return make_piece(fields);
  if (!fields.has(Field::type)) {
    return bad_request("A message needs `type`.",
                       R"(For example {"type":"offer","data":{"sdp":"…"}}.)");
  }
  std::string type;
  if (auto error = read_text(fields[Field::type], "type", type)) return std::move(*error);
  if (!valid_type(type)) return bad_type(type, " cannot be a message's type.");
  if (type == "join") return make_join(fields);
  if (type == "leave") return make_leave(fields);
  if (type == "login") return make_login(fields);
  if (type == "logout") return make_logout(fields);
  if (std::find(kReserved.begin(), kReserved.end(), type) != kReserved.end()) {
    return bad_type(type, " is a type that only the server sends.");
  }
  return make_say(fields, std::move(type));
}

}  // namespace

std::variant<Message, Error> make_message(const FieldSet& fields) {
  Message message;
  if (fields.has(Field::n)) {
    // Without one certain number nobody could tell which message was taken.
    if ((fields.repeated & mask(Field::n)) != 0) return *fields.error;
    if (auto error = read_integer(fields[Field::n], "n", 1, kMaxInteger, message.n.emplace()))
      return std::move(*error);
  }
  message.content = make_content(fields);
  if (auto* error = std::get_if<Error>(&message.content); error != nullptr && !message.n)
    return std::move(*error);
  return message;
}

std::variant<Command, Error> decode_joined_message(std::string_view text) {
  JsonCursor cursor(text);
  FieldSet fields;
  if (cursor.begin_object()) {
    fields.read(cursor, kMessageFields & ~mask(Field::n, Field::piece, Field::at, Field::of));
  } else if (JsonValue other; cursor.read_value(other) && cursor.at_end()) {
    return bad_request("The joined pieces are not a JSON object.",
                       "Together they must be one whole message.");
  }
  if (!cursor.at_end()) {
    const JsonFault& fault = *cursor.fault();
    if (fault.kind == JsonFault::Kind::depth) return Error{ErrorCode::too_deep};
    return bad_request(
        "The joined pieces are not JSON: " + std::string(fault.reason) + " at byte " +
            std::to_string(fault.offset) + ".",
        "Split the message's text between any two characters; `at` counts its bytes.");
  }
  Content content = make_content(fields);
  if (auto* error = std::get_if<Error>(&content)) return std::move(*error);
  return std::move(std::get<Command>(content));
}

}  // namespace sigway::dialects::native
